/** Dark or light: what was chosen, else what the system says. */

export type Theme = 'dark' | 'light';
const KEY = 'openleo.theme';

function initial(): Theme {
  if (typeof document === 'undefined') return 'dark';
  const asked = new URLSearchParams(location.search).get('theme') ?? localStorage.getItem(KEY);
  if (asked === 'dark' || asked === 'light') return asked;
  return matchMedia('(prefers-color-scheme: light)').matches ? 'light' : 'dark';
}

class Look { theme = $state<Theme>(initial()); }
export const look = new Look();

export function applyTheme(theme: Theme): void {
  look.theme = theme;
  document.documentElement.dataset.theme = theme;
  localStorage.setItem(KEY, theme);
}
