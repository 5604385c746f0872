import { formFor } from './request-form.tsx'

export default formFor('window')
