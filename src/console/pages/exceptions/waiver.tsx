import { pageFor } from './exception.tsx'

export default pageFor('waiver')
