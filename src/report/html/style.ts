/** For screen and print; contrast at least 7:1, and no information by colour alone. */
export const style = `
:root { color-scheme: light; font: 16px/1.5 system-ui, sans-serif; color: #1a1a1a; background: #fff; }
body { margin: 0 auto; max-width: 75rem; padding: 1rem 1.5rem 3rem; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 1rem 0; }
h2 { font-size: 1.25rem; margin: 2.25rem 0 .75rem; border-bottom: 2px solid #1a1a1a; }
a { color: #00408a; }
td code { overflow-wrap: anywhere; }
code { font: .875em/1.4 ui-monospace, monospace; }
.verdict { font-size: 1.25rem; }
.word { border: 1px solid; border-radius: .25rem; padding: .05rem .4rem; font-weight: 600; white-space: nowrap; }
.pass { color: #0b4f1c; background: #e9f7ec; }
.fail, .error { color: #7d0a0a; background: #fdecec; }
.unknown, .inconclusive, .notchecked { color: #553300; background: #fff4dc; }
.notapplicable, .none { color: #333; background: #f2f2f2; }
dl { display: grid; gap: .25rem 1.5rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 30rem), 1fr)); margin: 0; }
dl div { display: flex; gap: .75rem; border-bottom: 1px solid #ddd; }
dt { flex: 0 0 11rem; font-weight: 600; }
dd { margin: 0; overflow-wrap: anywhere; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .875rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; padding: .25rem 0; }
th, td { border: 1px solid #767676; padding: .3rem .5rem; text-align: left; vertical-align: top; }
thead th { background: #ececec; }
tbody th { font-weight: 400; }
@page { margin: 15mm; size: A4 landscape; }
@media print {
  :root { font-size: 10pt; }
  body { max-width: none; padding: 0; }
  .wide { overflow: visible; }
  thead { display: table-header-group; }
  tr, dl div { break-inside: avoid; }
  h2 { break-after: avoid; }
  .word { background: none; }
}
`
