import type { Parameter, PolicyDocument } from '../../../domain/policy/policy.ts'
import { type Control, Field } from '../../parts/forms/form.tsx'

type Values = Record<string, string | number | boolean>

/** A field for each parameter of a policy, by its type; an empty field leaves the value of the target or of the policy. */
export function ParameterFields({
  document,
  values,
  need = 'needed, here or at each target',
  at = '/params',
  onChange,
}: {
  document: PolicyDocument | undefined
  values: Values
  /** What a required parameter says beside its name. */
  need?: string
  /** JSON Pointer of the values in the request. */
  at?: string
  onChange: (values: Values) => void
}) {
  const parameters = Object.entries(document?.parameters ?? {})
  if (parameters.length === 0) return null
  const set = (name: string, value: string | number | boolean | undefined) => {
    const { [name]: _, ...others } = values
    onChange(value === undefined || value === '' ? others : { ...others, [name]: value })
  }
  return (
    <details class="more" open={parameters.some(([, { required }]) => required)}>
      <summary>Parameters of the policy ({Object.keys(values).length} set)</summary>
      {parameters.map(([name, parameter]) => (
        <Field
          key={name}
          label={name}
          pointer={`${at}/${name}`}
          hint={parameter.description}
          need={parameter.required ? need : undefined}
        >
          {(control) => (
            <Input
              control={control}
              parameter={parameter}
              value={values[name]}
              onChange={(value) => set(name, value)}
            />
          )}
        </Field>
      ))}
    </details>
  )
}

function Input({
  control,
  parameter: { type, values = [], default: preset },
  value,
  onChange,
}: {
  control: Control
  parameter: Parameter
  value: string | number | boolean | undefined
  onChange: (value: string | number | boolean | undefined) => void
}) {
  const shared = { ...control, placeholder: preset === undefined ? '' : `${preset}` }
  if (type === 'boolean' || type === 'choice') {
    const options = type === 'boolean' ? ['true', 'false'] : values
    const read = (text: string) => (type === 'boolean' && text !== '' ? text === 'true' : text)
    return (
      <select
        {...shared}
        value={value === undefined ? '' : String(value)}
        onChange={({ currentTarget }) => onChange(read(currentTarget.value))}
      >
        <option value="">{preset === undefined ? 'Not set' : `As the policy: ${preset}`}</option>
        {options.map((option) => (
          <option key={option}>{option}</option>
        ))}
      </select>
    )
  }
  if (type === 'port' || type === 'integer') {
    const read = (text: string) => (text === '' ? undefined : Number(text))
    const limits = type === 'port' ? { min: 1, max: 65_535 } : {}
    return (
      <input
        type="number"
        {...shared}
        {...limits}
        value={typeof value === 'number' ? value : ''}
        onInput={({ currentTarget }) => onChange(read(currentTarget.value))}
      />
    )
  }
  const text = typeof value === 'string' ? value : ''
  if (type === 'pem')
    return <textarea {...shared} rows={3} value={text} onInput={({ currentTarget }) => onChange(currentTarget.value)} />
  return <input {...shared} value={text} onInput={({ currentTarget }) => onChange(currentTarget.value)} />
}
