/** Which layers of the map are shown. */

class Layers {
  cells = $state(true);
  terminals = $state(true);
  satellites = $state(true);
  servingOnly = $state(false);
  sites = $state(true);
  names = $state(true);
  night = $state(true);
  groups = $state<string[]>([]);
  groupsShown = $state<boolean[]>([]);
}
export const layers = new Layers();
