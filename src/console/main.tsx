import { render } from 'preact'
import { loadMe } from './api/sign-in.ts'
import { Shell } from './shell/shell.tsx'
import { applyTheme } from './shell/theme.ts'
import { followLinks } from './url/location.ts'

applyTheme()
followLinks()
void loadMe()
const root = document.getElementById('console')
if (root) render(<Shell />, root)
