import { Composer, type Document, isAlias, isMap, isScalar, isSeq, Lexer, LineCounter, Parser, visit } from 'yaml'
import type { ValidationIssue } from '../domain/errors.ts'
import { stepsOf } from '../encoding/json-pointer.ts'
import { truncate } from '../encoding/text.ts'

export type Format = 'yaml' | 'json'
type ReadDocument = { value: unknown; lineOf: (pointer: string) => number | undefined } | { errors: ValidationIssue[] }

/** The largest document that is read, in bytes of UTF-8. */
export const maxDocumentBytes = 1024 * 1024
export const tooLong = `must be at most ${maxDocumentBytes} bytes long`
const maxDepth = 64
// Twice what 500 rules need; each costs about 10 µs.
const maxLexemes = 100_000
const maxAliases = 100
const maxSyntaxErrors = 20
const noTags = 'a tag is not accepted: write plain values'

/** Reads one YAML or JSON document into plain values, with the lines they stand on; never runs or builds anything else. */
export function readDocument(text: string, format: Format): ReadDocument {
  if (Buffer.byteLength(text) > maxDocumentBytes) return fail(tooLong)
  return format === 'json' ? readJson(text) : readYaml(text)
}

const issueOf = (message: string, line?: number): ValidationIssue => ({ pointer: '', message, line })

const fail = (message: string, line?: number) => ({ errors: [issueOf(message, line)] })

function readJson(text: string): ReadDocument {
  // JSON.parse takes the last of two equal names and knows few lines; YAML, of which JSON is a part, knows both.
  const parsed = parseYaml(text)
  try {
    const value: unknown = JSON.parse(text)
    if ('errors' in parsed) return parsed
    const errors = repeatedNames(parsed)
    return errors.length > 0 ? { errors } : { value, lineOf: (pointer) => lineOf(parsed, pointer) }
  } catch (error) {
    // V8 quotes the document in its message, line ends and all; in some of them it names the line.
    const message = describeError(error).replace(/, (\.\.\.)?".*/s, '')
    const line = /\(line (\d+)/.exec(message)?.[1]
    return fail(`is not JSON: ${message}`, line === undefined ? undefined : Number(line))
  }
}

function readYaml(text: string): ReadDocument {
  const parsed = parseYaml(text)
  if ('errors' in parsed) return parsed
  const errors = [...repeatedNames(parsed), ...tags(parsed), ...circles(parsed)]
  if (errors.length > 0) return { errors }
  try {
    const value: unknown = parsed.document.toJS({ maxAliasCount: maxAliases })
    return { value: copyPlain(value), lineOf: (pointer) => lineOf(parsed, pointer) }
  } catch (error) {
    return fail(`cannot be read: ${describeError(error).split('\n')[0]}`)
  }
}

/** A copy without shared parts; refuses growth. */
function copyPlain(value: unknown): unknown {
  let size = 0
  const text = JSON.stringify(value, (name, member) => {
    size += name.length + (typeof member === 'string' ? member.length : 1)
    if (size > maxDocumentBytes) throw new Error('its aliases make it too large')
    return member
  })
  return JSON.parse(text)
}

const describeError = (error: unknown): string => (error instanceof Error ? error.message : String(error))

interface ParsedYaml {
  document: Document.Parsed
  lines: LineCounter
}

/** Parses as `yaml.parseDocument` does, in its own steps, so that the depth is known before anything recurses into it. */
function parseYaml(text: string): ParsedYaml | { errors: ValidationIssue[] } {
  const lines = new LineCounter()
  lines.addNewLine(0)
  const parser = new Parser(lines.addNewLine)
  const tokens = []
  let lexemes = 0
  for (const lexeme of new Lexer().lex(text)) {
    tokens.push(...parser.next(lexeme))
    lexemes += 1
    if (lexemes > maxLexemes) return fail('has too many parts: make two policies of it')
    if (parser.stack.length > maxDepth) {
      return fail('is nested too deeply', lines.linePos(parser.offset).line)
    }
  }
  tokens.push(...parser.end())
  // The library's search for equal keys is quadratic (80 s for 80,000 keys); repeatedNames takes one pass.
  const composer = new Composer({ version: '1.2', schema: 'core', uniqueKeys: false, stringKeys: true, merge: false })
  const [document, ...others] = composer.compose(tokens, true, text.length)
  if (!document) return fail('is empty')
  const second = others[0]
  if (second) return fail('must be one document', lines.linePos(second.range[0]).line)
  const errors = syntaxErrors(document, text, lines)
  return errors.length > 0 ? { errors } : { document, lines }
}

/** The first error of each line, the cause of others. */
function syntaxErrors({ errors, warnings }: Document.Parsed, text: string, lines: LineCounter): ValidationIssue[] {
  const byLine = new Map<number, ValidationIssue>()
  for (const { pos, message, code } of [...errors, ...warnings]) {
    const { line } = lines.linePos(pos[0])
    if (byLine.has(line)) continue
    if (byLine.size === maxSyntaxErrors) break
    const source = text.split('\n', line)[line - 1] ?? ''
    const hint = /[[{].*\$\{/.test(source) ? `; inside [ ] and { } a placeholder needs quotes: "\${name}"` : ''
    byLine.set(line, issueOf(`${code === 'TAG_RESOLVE_FAILED' ? noTags : `is not YAML: ${message}`}${hint}`, line))
  }
  return [...byLine.values()]
}

function repeatedNames({ document, lines }: ParsedYaml): ValidationIssue[] {
  const issues: ValidationIssue[] = []
  visit(document, {
    Map(_, map) {
      const seen = new Set<string>()
      for (const { key } of map.items) {
        if (!isScalar(key)) continue
        const name = String(key.value)
        if (!seen.has(name)) seen.add(name)
        else issues.push(issueOf(`must be given once: \`${truncate(name, 60)}\``, lineAt(lines, key.range?.[0])))
      }
    },
  })
  return issues.slice(0, maxSyntaxErrors)
}

/** Tags such as !!binary and !!set make no plain values. */
function tags({ document, lines }: ParsedYaml): ValidationIssue[] {
  const issues: ValidationIssue[] = []
  visit(document, {
    Node(_, node) {
      if ('tag' in node && node.tag) {
        issues.push(issueOf(noTags, lineAt(lines, node.range?.[0])))
      }
    },
  })
  return issues.slice(0, maxSyntaxErrors)
}

/** Aliases that stand inside their own anchor. */
function circles({ document, lines }: ParsedYaml): ValidationIssue[] {
  const issues: ValidationIssue[] = []
  const anchors = new Map<string, unknown>()
  visit(document, {
    Node(_, node, path) {
      if (!isAlias(node)) {
        if ('anchor' in node && node.anchor) anchors.set(node.anchor, node)
        return
      }
      if (!path.some((parent) => parent === anchors.get(node.source))) return
      const message = `the alias *${truncate(node.source, 60)} is inside its own anchor: its value would hold itself`
      issues.push(issueOf(message, lineAt(lines, node.range?.[0])))
    },
  })
  return issues.slice(0, maxSyntaxErrors)
}

const lineAt = (lines: LineCounter, offset: number | undefined) =>
  offset === undefined ? undefined : lines.linePos(offset).line

/** The line of a value or its nearest existing parent. */
function lineOf({ document, lines }: ParsedYaml, pointer: string): number | undefined {
  let node: unknown = document.contents
  let offset = document.contents?.range[0]
  for (const part of stepsOf(pointer)) {
    const target = isAlias(node) ? node.resolve(document) : node
    if (isMap(target)) {
      const pair = target.items.find(({ key }) => isScalar(key) && String(key.value) === part)
      if (!pair || !isScalar(pair.key)) break
      offset = pair.key.range?.[0] ?? offset
      node = pair.value
    } else if (isSeq(target)) {
      node = target.items[Number(part)]
      offset = (node as { range?: [number, number, number] } | undefined)?.range?.[0] ?? offset
    } else break
  }
  return lineAt(lines, offset)
}
