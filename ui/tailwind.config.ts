// Colours are meanings, not hues: each name is a CSS variable of app/globals.css, redefined there for
// the dark theme, so that no component ever says which theme it is in.
import type { Config } from 'tailwindcss'

const token = (name: string) => `oklch(var(--${name}) / <alpha-value>)`

const config: Config = {
  content: ['./app/**/*.tsx', './components/**/*.tsx', './features/**/*.{ts,tsx}'],
  theme: {
    colors: {
      transparent: 'transparent',
      current: 'currentColor',
      canvas: token('canvas'), // behind everything
      surface: token('surface'), // cards, the table
      raised: token('raised'), // menus, hovered rows, inputs
      line: token('line'), // separations
      edge: token('edge'), // borders of controls
      fg: token('fg'),
      muted: token('muted'),
      faint: token('faint'),
      accent: token('accent'),
      onaccent: token('on-accent'),
      ok: token('ok'),
      warn: token('warn'),
      bad: token('bad'),
      insert: token('insert'),
      update: token('update'),
      delete: token('delete'),
      truncate: token('truncate'),
      message: token('message'),
      other: token('other'),
    },
    fontFamily: {
      sans: ['var(--font-sans)', 'system-ui', 'sans-serif'],
      mono: ['var(--font-mono)', 'ui-monospace', 'monospace'],
    },
    fontSize: {
      '2xs': ['0.6875rem', '1rem'],
      xs: ['0.75rem', '1.125rem'],
      sm: ['0.8125rem', '1.25rem'],
      base: ['0.875rem', '1.375rem'],
      lg: ['1rem', '1.5rem'],
      xl: ['1.25rem', '1.75rem'],
      '2xl': ['1.5rem', '1.875rem'],
    },
    extend: {
      boxShadow: {
        card: '0 1px 2px oklch(var(--shadow) / 0.06)',
        pop: '0 0 0 1px oklch(var(--line)), 0 12px 32px oklch(var(--shadow) / 0.28)',
      },
    },
  },
}

export default config
