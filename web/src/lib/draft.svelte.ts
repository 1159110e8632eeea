/** The area that is being drawn: shared by the editor, which asks, and the map, which draws. */

class Draft {
  drawing = $state(false);
  /** Rings of [longitude, latitude]. */
  rings = $state.raw<[number, number][][] | null>(null);
  /** Cells to outline on the map, such as those of the area that is selected. */
  outline = $state.raw<string[]>([]);
}
export const draft = new Draft();
