import type { Option } from 'commander'
import { type Described, flatten } from '../describe.ts'

/** The completions that a shell can load, by shell. */
export const shells = { bash, zsh, fish } as const

/** Options whose value is a file. */
const takesFile = ({ flags }: Option) => /<(file|directory|name\|file)>/.test(flags)

const wordsOf = ({ options, children }: Described) => [
  ...children.map(({ path }) => path.at(-1) ?? ''),
  ...options.flatMap(({ long, short }) => [long, short].filter((flag) => flag != null)),
]

/** Which words follow the commands, and which values follow an option that has choices. */
function bash(program: Described): string {
  const all = flatten(program)
  const commands = all.map((one) => `    '${one.path.join(' ')}') words='${wordsOf(one).join(' ')}' ;;`)
  const choices = all.flatMap(({ path, options }) =>
    options
      .filter(({ argChoices }) => argChoices)
      .map(({ long, argChoices }) => `    '${path.join(' ')} ${long}') words='${argChoices?.join(' ')}' ;;`),
  )
  const files = [...new Set(all.flatMap(({ options }) => options.filter(takesFile).map(({ long }) => long)))]
  const paths = all.filter(({ path }) => path.length > 0).map(({ path }) => `'${path.join(' ')}'`)
  return `# Completion of portwarden for bash: source <(portwarden completion bash)
_portwarden() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} path= word words=
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "\${path:+$path }$word" in
    ${paths.join(' | ')}) path="\${path:+$path }$word" ;;
    esac
  done
  case $prev in
    ${files.join(' | ')}) _portwarden_offer -f; return ;;
  esac
  case $path in
${commands.join('\n')}
  esac
  case "$path $prev" in
${choices.join('\n')}
  esac
  _portwarden_offer -W "$words"
  [ \${#COMPREPLY[@]} -gt 0 ] || _portwarden_offer -f
}
# One completion for each line, so that names may have spaces.
_portwarden_offer() {
  local line
  COMPREPLY=()
  while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen "$@" -- "$cur")
}
complete -o filenames -F _portwarden portwarden`
}

/** By the completion for bash, which zsh can run. */
function zsh(program: Described): string {
  const lines = bash(program).split('\n').slice(1)
  return `#compdef portwarden
# Completion of portwarden for zsh: source <(portwarden completion zsh)
autoload -U +X bashcompinit && bashcompinit
${lines.join('\n')}`
}

function fish(program: Described): string {
  const lines = flatten(program).flatMap(({ path, options, children }) => {
    const seen = path.map((word) => `__fish_seen_subcommand_from ${word}`)
    const others = children.map((child) => child.path.at(-1)).join(' ')
    const here = [...seen, ...(others === '' ? [] : [`not __fish_seen_subcommand_from ${others}`])].join('; and ')
    const condition = `-n '${here || 'true'}'`
    return [
      ...children.map(
        (child) => `complete -c portwarden -f ${condition} -a ${child.path.at(-1)} -d ${quote(child.summary)}`,
      ),
      ...options.map((option) => {
        const long = option.long ? ` -l ${option.long.slice(2)}` : ''
        const short = option.short ? ` -s ${option.short.slice(1)}` : ''
        const value = option.argChoices ? ` -x -a '${option.argChoices.join(' ')}'` : option.required ? ' -r' : ''
        return `complete -c portwarden ${condition}${long}${short}${value} -d ${quote(option.description)}`
      }),
    ]
  })
  return ['# Completion of portwarden for fish: portwarden completion fish | source', ...lines].join('\n')
}

const quote = (text: string) => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
