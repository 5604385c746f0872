import { escapeXml } from '../../encoding/xml.ts'
import { style } from './style.ts'

/** The start of a page that loads nothing and runs nothing, up to its sections; `head` is HTML. */
export const openPage = (title: string, head: string): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escapeXml(title)}</title>
<style>${style}</style>
</head>
<body>
<header>
<h1>${escapeXml(title)}</h1>
${head}
</header>
<main>
`
export const closePage = '</main>\n</body>\n</html>\n'

export const word = (text: string) => `<span class="word ${escapeXml(text)}">${escapeXml(text)}</span>`
export const code = (text: string) => `<code>${escapeXml(text)}</code>`
export const linked = (content: string, url: string | null) =>
  url === null ? content : `<a href="${escapeXml(url)}">${content}</a>`
export const section = (title: string, content: string) =>
  `<section>\n<h2>${escapeXml(title)}</h2>\n${content}\n</section>\n`

const line = ([first = '', ...rest]: readonly string[]) =>
  `<tr><th scope="row">${first}</th>${rest.map((cell) => `<td>${cell}</td>`).join('')}</tr>\n`

/** The rows of a table whose cells are HTML; the first of each row is its header. */
export const lines = (rows: readonly (readonly string[])[]): string => rows.map(line).join('')

/** A table up to its rows, and what follows them. */
export function openTable(caption: string, head: readonly string[]): string {
  const heads = head.map((text) => `<th scope="col">${escapeXml(text)}</th>`).join('')
  return `<div class="wide"><table>\n<caption>${escapeXml(caption)}</caption>\n<thead><tr>${heads}</tr></thead>\n<tbody>\n`
}
export const closeTable = '</tbody>\n</table></div>'

export const table = (caption: string, head: readonly string[], rows: readonly (readonly string[])[]): string =>
  `${openTable(caption, head)}${lines(rows)}${closeTable}`
