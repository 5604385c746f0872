import { globSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { read, root } from '../support/pages.ts'

type Rgb = readonly [number, number, number]

const tokens = read('src/console/styles/tokens.css')
const themes = ['light', 'dark'] as const
const print = /@media print \{.*/s.exec(tokens)?.[0] ?? ''

/** The opaque colours of a theme by token. */
const coloursOf = (theme: (typeof themes)[number]) =>
  new Map(
    [...tokens.matchAll(/--([\w-]+): light-dark\((#[\da-f]{6}), (#[\da-f]{6})\);/g)].map(
      ([, name = '', light = '', dark = '']) => [name, rgbOf(theme === 'light' ? light : dark)],
    ),
  )
const rgbOf = (hex: string): Rgb =>
  [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16) / 255) as unknown as Rgb

const linear = (part: number) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
const linearRgb = (rgb: Rgb) => rgb.map(linear) as unknown as Rgb
const luminance = ([r, g, b]: Rgb) => 0.2126 * r + 0.7152 * g + 0.0722 * b

/** WCAG 2.2, relative luminance and contrast ratio. */
function contrast(a: Rgb, b: Rgb): number {
  const [low = 0, high = 0] = [luminance(linearRgb(a)), luminance(linearRgb(b))].toSorted((x, y) => x - y)
  return (high + 0.05) / (low + 0.05)
}

/** Machado, Oliveira and Fernandes 2009: full deficiency, for linear RGB. */
const deficiencies: Record<string, readonly Rgb[]> = {
  none: [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  protanopia: [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  deuteranopia: [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
  tritanopia: [
    [1.255528, -0.076749, -0.178779],
    [-0.078411, 0.930809, 0.147602],
    [0.004733, 0.691367, 0.3039],
  ],
}

/** OKLab lightness and hue axes of linear RGB. */
function oklab([r, g, b]: Rgb): Rgb {
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b)
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b)
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b)
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ]
}
const seen = (rgb: Rgb, matrix: readonly Rgb[]) => {
  const from = linearRgb(rgb)
  return oklab(
    matrix.map((row) =>
      Math.min(1, Math.max(0, row[0] * from[0] + row[1] * from[1] + row[2] * from[2])),
    ) as unknown as Rgb,
  )
}
const distance = (a: Rgb, b: Rgb) => Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2])

const inks = [
  'text',
  'faint',
  'accent',
  'pass-ink',
  'fail-ink',
  'waived-ink',
  'unknown-ink',
  'error-ink',
  'notapplicable-ink',
  'notchecked-ink',
]
const grounds = ['page', 'surface', 'raised', 'sunken']
const pairs: readonly (readonly [ink: string, ground: string, least: number])[] = [
  ...inks.flatMap((ink) => grounds.map((ground) => [ink, ground, 4.5] as const)),
  ['on-accent', 'accent', 4.5],
  ['accent', 'accent-surface', 4.5],
  ['text', 'accent-surface', 4.5],
  ['page', 'text', 4.5],
  ['on-fail', 'fail-surface', 4.5],
  ...['waived', 'unknown', 'error'].map((result) => [`${result}-ink`, `${result}-surface`, 4.5] as const),
  ...['fail', 'error', 'pass'].map((result) => [`${result}-mark`, 'surface', 3] as const),
  ['line-strong', 'surface', 3],
  ['line-strong', 'page', 3],
]

test('the colours of paper have a contrast of 7:1', () => {
  const colours = coloursOf('light')
  for (const [, name = '', hex = ''] of print.matchAll(/--([\w-]+): (#[\da-f]{6});/g)) colours.set(name, rgbOf(hex))
  const colour = (name: string) => colours.get(name) ?? ([0, 0, 0] as const)
  const onPaper = pairs.filter(([ink, ground, least]) => least === 4.5 && !/raised|sunken|on-accent/.test(ground + ink))
  const weak = onPaper
    .map(([ink, ground]) => [ink, ground, contrast(colour(ink), colour(ground))] as const)
    .filter(([, , found]) => found < 7)
  expect([onPaper.length > 20, weak]).toEqual([true, []])
})

test('nothing moves for people who do not want it, and nothing for longer than 150 ms but the bar of loading', () => {
  const moving = globSync('src/console/**/*.css', { cwd: root }).flatMap((path) => {
    const allowed = /@media \(prefers-reduced-motion: no-preference\) \{.*?\n\}/gs
    return [
      ...read(path)
        .replaceAll(allowed, '')
        .matchAll(/^\s*(?:animation|transition)[\w-]*:.*$/gm),
    ].map(String)
  })
  expect(moving).toEqual([])
})

describe.each(themes)('the colours of the %s theme', (theme) => {
  const colours = coloursOf(theme)
  const colour = (name: string): Rgb => {
    const found = colours.get(name)
    if (!found) throw new Error(`there is no colour ${name}`)
    return found
  }

  test('have the contrast that text and signs need', () => {
    const weak = pairs
      .map(([ink, ground, least]) => [ink, ground, contrast(colour(ink), colour(ground)), least] as const)
      .filter(([, , found, least]) => found < least)
    expect(weak).toEqual([])
  })

  test.each(Object.keys(deficiencies))('keep the marks of results apart, deficiency: %s', (name) => {
    const marks = ['pass-mark', 'fail-mark', 'unknown-mark', 'error-mark', 'notapplicable-mark']
    const matrix = deficiencies[name] ?? []
    const close = marks.flatMap((a, index) =>
      marks
        .slice(index + 1)
        .map((b) => [a, b, distance(seen(colour(a), matrix), seen(colour(b), matrix))] as const)
        .filter(([, , found]) => found < 0.1),
    )
    expect(close).toEqual([])
  })

  test('differ in lightness where results are bars; an error has a pattern of its own', () => {
    const marks = ['fail-mark', 'pass-mark', 'unknown-mark', 'notapplicable-mark'].map(
      (name) => oklab(linearRgb(colour(name)))[0],
    )
    const steps = marks.toSorted((a, b) => a - b).map((lightness, index, all) => lightness - (all[index - 1] ?? -1))
    expect(Math.min(...steps)).toBeGreaterThan(0.07)
  })
})

test('no colour stands outside of the tokens', () => {
  const literal = /#[\da-f]{3,8}\b|\b(?:rgb|hsl|hwb|lab|lch|oklab|oklch|color)a?\(/i
  const files = globSync('src/console/**/*.{css,ts,tsx}', { cwd: root }).filter((path) => !path.endsWith('/tokens.css'))
  expect(files.length).toBeGreaterThan(20)
  expect(files.filter((path) => literal.test(read(path).replaceAll(/url\([^)]*\)|'#[\w-]+'|"#[\w-]+"/g, '')))).toEqual(
    [],
  )
})
