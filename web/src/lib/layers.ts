/** Own WebGL2 layers of the map: satellites, cells, terminals, ways. Each is one draw call whose data stay on the GPU. */
import { MercatorCoordinate, type CustomLayerInterface, type CustomRenderMethodInput, type Map as MapLibre } from 'maplibre-gl';
import { meshOf } from './mesh';
import type { Ephemeris } from './ephemeris';

type GL = WebGL2RenderingContext;
export type Colour = [number, number, number, number];

interface Program { program: WebGLProgram; at: (name: string) => WebGLUniformLocation | null; attribute: (name: string) => number }

/** A point so many metres up. MapLibre's own takes metres on the globe, but units of Mercator on the flat map. */
const RAISED = `vec4 raised(vec2 p, float metres) {
  vec4 level = vec4(p, metres * cosh(3.14159265 * (1. - 2. * clamp(p.y, 0., 1.))) / 40075016.686, 1.);
#ifdef GLOBE
  vec4 round = u_projection_matrix * vec4(projectToSphere(p, p) * (1. + metres / GLOBE_RADIUS), 1.);
  return u_projection_transition > .999 ? round : mix(u_projection_fallback_matrix * level, round, u_projection_transition);
#else
  return u_projection_matrix * level;
#endif
}`;

abstract class Layer implements CustomLayerInterface {
  readonly type = 'custom' as const;
  renderingMode: '2d' | '3d' = '3d';
  shown = true;
  protected map: MapLibre | null = null;
  private programs = new Map<string, Program>();

  constructor(readonly id: string, private vertex: string, private fragment: string) {}

  protected abstract init(gl: GL): void;
  protected abstract draw(gl: GL, program: Program): void;

  onAdd(map: MapLibre, gl: WebGLRenderingContext | GL): void {
    this.map = map;
    this.programs.clear();
    this.init(gl as GL);
  }

  repaint(): void { this.map?.triggerRepaint(); }

  render(context: WebGLRenderingContext | GL, input: CustomRenderMethodInput): void {
    if (!this.shown) return;
    const gl = context as GL, program = this.program(gl, input), d = input.defaultProjectionData;
    gl.useProgram(program.program);
    gl.uniformMatrix4fv(program.at('u_projection_matrix'), false, d.mainMatrix as Float32List);
    gl.uniformMatrix4fv(program.at('u_projection_fallback_matrix'), false, d.fallbackMatrix as Float32List);
    gl.uniform4fv(program.at('u_projection_tile_mercator_coords'), d.tileMercatorCoords as Float32List);
    gl.uniform4fv(program.at('u_projection_clipping_plane'), d.clippingPlane as Float32List);
    gl.uniform1f(program.at('u_projection_transition'), d.projectionTransition);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    this.draw(gl, program);
  }

  /** The program for the present projection: MapLibre gives each its own vertex prelude. */
  private program(gl: GL, { shaderData }: CustomRenderMethodInput): Program {
    const found = this.programs.get(shaderData.variantName);
    if (found) return found;
    const program = gl.createProgram()!;
    const sources: [number, string][] = [
      [gl.VERTEX_SHADER, `#version 300 es\n${shaderData.vertexShaderPrelude}\n${shaderData.define}\n${RAISED}\n${this.vertex}`],
      [gl.FRAGMENT_SHADER, `#version 300 es\nprecision mediump float;\n${this.fragment}`],
    ];
    for (const [kind, source] of sources) {
      const shader = gl.createShader(kind)!;
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) throw new Error(`${this.id}: ${gl.getShaderInfoLog(shader)}`);
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    const uniforms = new Map<string, WebGLUniformLocation | null>(), attributes = new Map<string, number>();
    const made: Program = {
      program,
      at: (name) => {
        if (!uniforms.has(name)) uniforms.set(name, gl.getUniformLocation(program, name));
        return uniforms.get(name)!;
      },
      attribute: (name) => {
        if (!attributes.has(name)) attributes.set(name, gl.getAttribLocation(program, name));
        return attributes.get(name)!;
      },
    };
    this.programs.set(shaderData.variantName, made);
    return made;
  }

  protected use(gl: GL, program: Program, name: string, buffer: WebGLBuffer, size: number, { stride = 0, offset = 0, type = gl.FLOAT as number, divisor = 0 } = {}): void {
    const at = program.attribute(name);
    if (at < 0) return;
    gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
    gl.enableVertexAttribArray(at);
    gl.vertexAttribPointer(at, size, type, false, stride, offset);
    gl.vertexAttribDivisor(at, divisor);
  }
}

const MERCATOR = `
vec3 mercator(vec3 e) {  // Earth-fixed km to mercator x, y and height in m
  float r = length(e), lat = asin(clamp(e.z / r, -1., 1.)), lon = atan(e.y, e.x);
  return vec3(.5 + lon / 6.283185307, .5 - log(tan(.7853981634 + clamp(lat, -1.54, 1.54) * .5)) / 6.283185307, (r - 6371.0088) * 1000.);
}`;

export class SatelliteLayer extends Layer {
  gpsS = 0;
  selected = -1;
  /** Bits of the groups that are shown. */
  groups = 0xffffff;
  servingOnly = false;
  colour: Colour = [1, 1, 1, 1];
  chosen: Colour = [1, 0.9, 0.2, 1];
  private frames: WebGLBuffer[] = [];
  private kinds!: WebGLBuffer;
  private kindsNow: Uint8Array;
  private dirty = true;
  private key = -1;
  private n = 0;

  /** `groups` (S,): the number of each satellite's group. */
  constructor(private ephemeris: Ephemeris, private group: Uint8Array) {
    super('satellites', `
      in vec3 p0, v0, p1, v1; in vec2 kind;
      uniform float s, h, selected, scale; uniform int groups; uniform bool servingOnly; uniform vec4 colour, chosen;
      out vec4 k; flat out float mark; ${MERCATOR}
      void main() {
        float a = s * s, c = a * s;
        bool me = abs(float(gl_VertexID) - selected) < .5, serves = kind.y > .5;
        bool hidden = !(length(p0) > 1.) || ((groups >> int(kind.x)) & 1) == 0 || (servingOnly && !serves);
        if (hidden && !me) { gl_Position = vec4(2., 2., 2., 1.); gl_PointSize = 0.; return; }
        vec3 m = mercator((2.*c - 3.*a + 1.) * p0 + (c - 2.*a + s) * h * v0 + (3.*a - 2.*c) * p1 + (c - a) * h * v1);
        gl_Position = raised(m.xy, m.z);
        mark = me ? 1. : 0.;
        gl_PointSize = (me ? 13. : serves ? 4.5 : 2.4) * scale;
        k = me ? chosen : vec4(colour.rgb, serves ? 1. : .42);
        k.rgb *= k.a;
      }`, `
      in vec4 k; flat in float mark; out vec4 c;
      void main() {
        vec2 d = gl_PointCoord - .5; float r = dot(d, d);
        if (r > .25 || (mark > .5 && r > .07 && r < .15)) discard;
        c = k;
      }`);
    this.kindsNow = new Uint8Array(group.length * 2);
  }

  /** `serving` (S,): how many cells each serves. */
  update(serving: ArrayLike<number> | undefined): void {
    for (let i = 0; i < this.group.length; i++) {
      this.kindsNow[2 * i] = this.group[i];
      this.kindsNow[2 * i + 1] = serving?.[i] ? 1 : 0;
    }
    this.dirty = true;
    this.repaint();
  }

  protected init(gl: GL): void {
    this.frames = [gl.createBuffer()!, gl.createBuffer()!];
    this.kinds = gl.createBuffer()!;
    this.key = -1;
    this.dirty = true;
  }

  protected draw(gl: GL, p: Program): void {
    const pair = this.ephemeris.pair(this.gpsS);
    if (!pair) return;
    if (pair.key !== this.key) {
      [pair.a, pair.b].forEach((data, i) => { gl.bindBuffer(gl.ARRAY_BUFFER, this.frames[i]); gl.bufferData(gl.ARRAY_BUFFER, data, gl.DYNAMIC_DRAW); });
      this.key = pair.key;
      this.n = Math.min(pair.a.length / 6, this.group.length);
    }
    if (this.dirty) {
      gl.bindBuffer(gl.ARRAY_BUFFER, this.kinds);
      gl.bufferData(gl.ARRAY_BUFFER, this.kindsNow, gl.DYNAMIC_DRAW);
      this.dirty = false;
    }
    for (const i of [0, 1]) {
      this.use(gl, p, `p${i}`, this.frames[i], 3, { stride: 24 });
      this.use(gl, p, `v${i}`, this.frames[i], 3, { stride: 24, offset: 12 });
    }
    this.use(gl, p, 'kind', this.kinds, 2, { type: gl.UNSIGNED_BYTE });
    gl.uniform1f(p.at('s'), pair.s); gl.uniform1f(p.at('h'), this.ephemeris.stepS); gl.uniform1f(p.at('selected'), this.selected);
    gl.uniform1f(p.at('scale'), Math.min(1.6, devicePixelRatio)); gl.uniform1i(p.at('groups'), this.groups); gl.uniform1i(p.at('servingOnly'), this.servingOnly ? 1 : 0);
    gl.uniform4fv(p.at('colour'), this.colour); gl.uniform4fv(p.at('chosen'), this.chosen);
    gl.enable(gl.DEPTH_TEST); gl.depthFunc(gl.LEQUAL); gl.depthMask(false);
    gl.drawArrays(gl.POINTS, 0, this.n);
    gl.depthMask(true);
  }
}

/** Terminals: a shape for each state, those that are dark on top. */
export class TerminalLayer extends Layer {
  palette: Colour[] = [];
  only = -1;
  selected = -1;
  private where: Float32Array;
  private states: Uint8Array;
  private dirty = { where: true, states: true };
  private buffers: { where: WebGLBuffer; states: WebGLBuffer } | null = null;

  constructor(longitudes: ArrayLike<number>, latitudes: ArrayLike<number>) {
    super('terminals', `
      in vec2 a; in float state;
      uniform float size, selected; uniform int pass, only; uniform vec4 palette[4];
      flat out vec4 k; flat out int shape;
      void main() {
        int s = int(state + .5); bool me = abs(float(gl_VertexID) - selected) < .5;
        if (s > 3 || (s == 0) != (pass == 0) || (only >= 0 && s != only && !me)) { gl_Position = vec4(2., 2., 2., 1.); gl_PointSize = 0.; return; }
        gl_Position = raised(a, 1500.);
        gl_PointSize = s == 0 ? size : size * 1.7;
        shape = s; k = palette[s];
      }`, `
      flat in vec4 k; flat in int shape; out vec4 c;
      void main() {
        vec2 d = (gl_PointCoord - .5) * 2.;
        bool on = shape == 0 ? dot(d, d) < 1.
          : shape == 1 ? abs(abs(d.x) - abs(d.y)) < .38 && max(abs(d.x), abs(d.y)) < .95
          : shape == 2 ? max(abs(d.x), abs(d.y)) < .85 && max(abs(d.x), abs(d.y)) > .35
          : d.y < .8 && d.y > 2. * abs(d.x) - .95;
        if (!on) discard;
        c = vec4(k.rgb * k.a, k.a);
      }`);
    const n = longitudes.length;
    this.where = new Float32Array(2 * n);
    this.states = new Uint8Array(n);
    for (let i = 0; i < n; i++) this.place(i, longitudes[i], latitudes[i]);
  }

  private place(i: number, lon: number, lat: number): void {
    const m = MercatorCoordinate.fromLngLat([lon, lat]);
    this.where[2 * i] = m.x; this.where[2 * i + 1] = m.y;
  }

  move(i: number, lon: number, lat: number): void { this.place(i, lon, lat); this.dirty.where = true; }

  update(states: Uint8Array): void { this.states = states; this.dirty.states = true; this.repaint(); }

  protected init(gl: GL): void {
    this.buffers = { where: gl.createBuffer()!, states: gl.createBuffer()! };
    this.dirty = { where: true, states: true };
  }

  protected draw(gl: GL, p: Program): void {
    const { where, states } = this.buffers!;
    if (this.dirty.where) { gl.bindBuffer(gl.ARRAY_BUFFER, where); gl.bufferData(gl.ARRAY_BUFFER, this.where, gl.DYNAMIC_DRAW); }
    if (this.dirty.states) { gl.bindBuffer(gl.ARRAY_BUFFER, states); gl.bufferData(gl.ARRAY_BUFFER, this.states, gl.DYNAMIC_DRAW); }
    this.dirty = { where: false, states: false };
    this.use(gl, p, 'a', where, 2);
    this.use(gl, p, 'state', states, 1, { type: gl.UNSIGNED_BYTE });
    const zoom = this.map!.getZoom(), size = Math.min(9, Math.max(1.3, 0.9 * 1.42 ** (zoom - 3))) * Math.min(2, devicePixelRatio);
    gl.uniform1f(p.at('size'), size); gl.uniform1f(p.at('selected'), this.selected); gl.uniform1i(p.at('only'), this.only);
    gl.uniform4fv(p.at('palette'), this.palette.slice(0, 4).flat());
    gl.enable(gl.DEPTH_TEST); gl.depthFunc(gl.LEQUAL); gl.depthMask(false);
    for (const pass of [0, 1]) { gl.uniform1i(p.at('pass'), pass); gl.drawArrays(gl.POINTS, 0, this.where.length / 2); }
    gl.depthMask(true);
  }
}

export interface Segment { a: [number, number, number]; b: [number, number, number]; colour: Colour; width?: number }

/** Ways: segments between points (longitude, latitude, height in m) as quads of constant width on the screen. */
export class SegmentLayer extends Layer {
  private data = new Float32Array(0);
  private dirty = true;
  private buffer!: WebGLBuffer;
  private corners!: WebGLBuffer;

  constructor(id: string) {
    super(id, `
      in vec2 corner; in vec3 a, b; in vec4 look; uniform vec2 half_px; out vec3 k;
      void main() {
        vec4 A = raised(a.xy, a.z), B = raised(b.xy, b.z);
        if (B.w < .01 && A.w > .01) B = mix(A, B, (A.w - .01) / (A.w - B.w));  // an end behind the camera
        else if (A.w < .01 && B.w > .01) A = mix(B, A, (B.w - .01) / (B.w - A.w));
        vec2 d = normalize((B.xy / B.w - A.xy / A.w) * half_px);
        vec4 P = mix(A, B, corner.x);
        P.xy += vec2(-d.y, d.x) * corner.y * look.w * .5 / half_px * P.w;
        gl_Position = P; k = look.rgb;
      }`, `in vec3 k; out vec4 c; void main() { c = vec4(k, 1.); }`);
  }

  set(segments: Segment[]): void {
    const at = ([lon, lat, height]: [number, number, number]): number[] => { const m = MercatorCoordinate.fromLngLat([lon, lat]); return [m.x, m.y, height]; };
    this.data = new Float32Array(segments.flatMap((one) => {
      const a = at(one.a), b = at(one.b);
      if (b[0] - a[0] > 0.5) b[0] -= 1; else if (a[0] - b[0] > 0.5) b[0] += 1;
      return [...a, ...b, ...one.colour.slice(0, 3), (one.width ?? 2.4) * Math.min(2, devicePixelRatio)];
    }));
    this.dirty = true;
    this.repaint();
  }

  protected init(gl: GL): void {
    this.buffer = gl.createBuffer()!;
    this.corners = gl.createBuffer()!;
    gl.bindBuffer(gl.ARRAY_BUFFER, this.corners);
    gl.bufferData(gl.ARRAY_BUFFER, new Float32Array([0, -1, 1, -1, 0, 1, 1, 1]), gl.STATIC_DRAW);
    this.dirty = true;
  }

  protected draw(gl: GL, p: Program): void {
    if (!this.data.length) return;
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffer);
    if (this.dirty) { gl.bufferData(gl.ARRAY_BUFFER, this.data, gl.DYNAMIC_DRAW); this.dirty = false; }
    this.use(gl, p, 'corner', this.corners, 2);
    this.use(gl, p, 'a', this.buffer, 3, { stride: 40, divisor: 1 });
    this.use(gl, p, 'b', this.buffer, 3, { stride: 40, offset: 12, divisor: 1 });
    this.use(gl, p, 'look', this.buffer, 4, { stride: 40, offset: 24, divisor: 1 });
    gl.uniform2f(p.at('half_px'), gl.drawingBufferWidth / 2, gl.drawingBufferHeight / 2);
    gl.disable(gl.DEPTH_TEST); gl.disable(gl.CULL_FACE);
    gl.drawArraysInstanced(gl.TRIANGLE_STRIP, 0, 4, this.data.length / 10);
    for (const name of ['a', 'b', 'look']) { const at = p.attribute(name); if (at >= 0) gl.vertexAttribDivisor(at, 0); }
  }
}

const WIDE = 1024;

/** H3 cells: one mesh that stays and a texture with a byte for each cell; a change of state is a byte written. */
export class CellLayer extends Layer {
  override renderingMode = '2d' as const;
  palette: Colour[] = [];
  only = -1;
  minZoom = 0;
  maxZoom = 99;
  private states: Uint8Array;
  private dirty = true;
  private mesh: { where: Float32Array; id: Float32Array; index: Uint32Array };
  private gpu: { where: WebGLBuffer; id: WebGLBuffer; index: WebGLBuffer; texture: WebGLTexture } | null = null;
  private height: number;

  constructor(id: string, cells: string[]) {
    super(id, `
      in vec2 a; in float id; uniform highp usampler2D states; uniform vec4 palette[5]; uniform int only; flat out vec4 k; flat out int state;
      void main() {
        int i = int(id + .5);
        state = int(texelFetch(states, ivec2(i % ${WIDE}, i / ${WIDE}), 0).r);
        k = palette[min(state, 4)];
        if (only >= 0 && state != only) k.a *= .18;
        gl_Position = projectTile(a);
      }`, `
      flat in vec4 k; flat in int state; out vec4 c;
      void main() {  // a pattern for each state, so that colour is never alone
        vec2 p = gl_FragCoord.xy; float a = k.a;
        if (state == 1) a *= mod(p.x + p.y, 7.) < 3. ? 1.35 : .75;
        else if (state == 2) a *= mod(p.y, 6.) < 2. ? 1.5 : .7;
        else if (state == 3) a *= mod(p.x, 6.) < 2.5 && mod(p.y, 6.) < 2.5 ? 1.7 : .65;
        a = min(a, 1.);
        c = vec4(k.rgb * a, a);
      }`);
    this.mesh = meshOf(cells);
    this.height = Math.max(1, Math.ceil(cells.length / WIDE));
    this.states = new Uint8Array(WIDE * this.height);
  }

  update(states: Uint8Array): void { this.states.set(states); this.dirty = true; this.repaint(); }

  protected init(gl: GL): void {
    const made = (target: number, data: ArrayBufferView): WebGLBuffer => {
      const buffer = gl.createBuffer()!;
      gl.bindBuffer(target, buffer);
      gl.bufferData(target, data, gl.STATIC_DRAW);
      return buffer;
    };
    this.gpu = {
      where: made(gl.ARRAY_BUFFER, this.mesh.where), id: made(gl.ARRAY_BUFFER, this.mesh.id),
      index: made(gl.ELEMENT_ARRAY_BUFFER, this.mesh.index), texture: gl.createTexture()!,
    };
    this.dirty = true;
  }

  protected draw(gl: GL, p: Program): void {
    const zoom = this.map!.getZoom(), gpu = this.gpu!;
    if (zoom < this.minZoom || zoom >= this.maxZoom) return;
    gl.activeTexture(gl.TEXTURE0);
    gl.bindTexture(gl.TEXTURE_2D, gpu.texture);
    if (this.dirty) {
      gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
      gl.pixelStorei(gl.UNPACK_PREMULTIPLY_ALPHA_WEBGL, false);
      gl.pixelStorei(gl.UNPACK_FLIP_Y_WEBGL, false);
      gl.texImage2D(gl.TEXTURE_2D, 0, gl.R8UI, WIDE, this.height, 0, gl.RED_INTEGER, gl.UNSIGNED_BYTE, this.states);
      gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
      gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
      this.dirty = false;
    }
    gl.uniform1i(p.at('states'), 0); gl.uniform1i(p.at('only'), this.only);
    gl.uniform4fv(p.at('palette'), this.palette.flat());
    this.use(gl, p, 'a', gpu.where, 2);
    this.use(gl, p, 'id', gpu.id, 1);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, gpu.index);
    gl.disable(gl.DEPTH_TEST); gl.disable(gl.CULL_FACE);
    gl.drawElements(gl.TRIANGLES, this.mesh.index.length, gl.UNSIGNED_INT, 0);
  }
}
