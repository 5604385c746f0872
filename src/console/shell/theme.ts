import { signal } from '@preact/signals'

const themes = ['system', 'light', 'dark'] as const
export type Theme = (typeof themes)[number]
export const themeNames: Readonly<Record<Theme, string>> = { system: 'As the system', light: 'Light', dark: 'Dark' }

const stored = () => themes.find((theme) => theme === localStorage.getItem('theme')) ?? 'system'
export const theme = signal<Theme>(stored())

/** Shows the chosen theme; without a choice the system decides. */
export function applyTheme(): void {
  if (theme.value === 'system') delete document.documentElement.dataset.theme
  else document.documentElement.dataset.theme = theme.value
}

export function chooseTheme(next: Theme): void {
  theme.value = next
  localStorage.setItem('theme', next)
  applyTheme()
}
