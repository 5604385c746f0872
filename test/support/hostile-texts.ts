/** A text that could do harm where it is displayed, with a mark that shows its arrival. */
export interface HostileText {
  kind: string
  text: string
}

const kinds: Record<string, string> = {
  'ANSI CSI': '\u001b[2J\u001b[31m',
  'ANSI OSC': '\u001b]0;owned\u0007\u001b]8;;http://evil.test\u001b\\',
  BEL: '\u0007',
  'C1 CSI': '\u009b2J',
  'C1 OSC': '\u009d0;owned\u009c',
  DEL: '\u007f',
  NUL: '\u0000',
  'a bidi override': '\u202egpj.exe',
  'a bidi isolate': '\u2066\u2069',
  backspaces: '\u0008\u0008\u0008',
  'CR and LF': '\r\nX-Evil: 1\r\n\r\n=1+1',
  'LF alone': '\n=1+1',
  'a formula': "=cmd|' /C calc'!A0",
  'a formula with plus': '+1+cmd|A0',
  'a formula with minus': '-1+cmd|A0',
  'a formula with at': '@SUM(1+1)',
  'a formula behind a tab': '\t=1+1',
  'a formula behind CR': '\r=1+1',
  'a formula behind a semicolon': 'x;=1+1;"=2&";y',
  'a full-width formula': '\uff1d1+1',
  'a leading quote': '"=1+1',
  'a script': '<script>alert(1)</script>',
  'an attribute': '" onmouseover="alert(1)" x="',
  'an image': "<img src=x onerror='alert(1)'>",
  'a CDATA end': ']]><evil/>',
  'an XML entity': '&evil;&#x1b;<!DOCTYPE a>',
  'a JSON break': '"},{"evil":true}',
  'an event': '\n\nevent: evil\ndata: {}\n\n',
  'a metric': '"} 1\nevil_metric 1\n',
}

/** `text` starts with the hostile part, because a formula works only at the start of a cell. */
export const hostileTexts: HostileText[] = Object.entries(kinds).map(([kind, text], i) => ({
  kind,
  text: `${text}mark${i}z`,
}))
export const markOf = ({ text }: HostileText): string => /mark\d+z$/.exec(text)?.[0] ?? ''

/** Terminal controls and bidi controls, which no output may contain. */
export const obeyed = /[^\P{Cc}\t\n\r]|[\u202a-\u202e\u2066-\u2069]/u
