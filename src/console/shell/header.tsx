import { isLive, setLive } from '../api/live.ts'
import { me } from '../api/session.ts'
import { signOut } from '../api/sign-in.ts'
import { Menu } from '../parts/controls/menu.tsx'
import { Icon } from '../parts/icon.tsx'
import { Link } from '../parts/link.tsx'
import { showKeys } from './keys.tsx'
import { Navigation } from './navigation.tsx'
import { chooseTheme, type Theme, theme, themeNames } from './theme.ts'
import { TimeControl } from './time-control.tsx'
import { isWide } from './wide.ts'

export function Header() {
  return (
    <header class="header">
      <Link to="/" class="brand">
        <Icon name="port" />
        Portwarden
      </Link>
      {!isWide.value && (
        <Menu class="navigation" label="Pages" icon="menu">
          <Navigation />
        </Menu>
      )}
      <div class="header-end">
        <Link to="/search" class="search-link">
          <Icon name="search" /> <span>Search</span>
        </Link>
        <TimeControl />
        <UserMenu />
      </div>
    </header>
  )
}

function UserMenu() {
  const person = me.value
  if (!person) return null
  return (
    <Menu class="user-menu" label={person.name} icon="person">
      <p>
        <strong>{person.name}</strong>
        <br />
        {person.kind === 'oidc' ? 'Single sign-on' : 'Key'} with {person.scopes.join(', ')}
      </p>
      <fieldset>
        <legend>Theme</legend>
        {(Object.keys(themeNames) as Theme[]).map((name) => (
          <label key={name}>
            <input type="radio" name="theme" checked={theme.value === name} onChange={() => chooseTheme(name)} />
            {themeNames[name]}
          </label>
        ))}
      </fieldset>
      <Link to="/wall">Wall screen</Link>
      <label class="check">
        <input type="checkbox" checked={isLive.value} onChange={() => setLive(!isLive.value)} />
        Announce new results
      </label>
      <button type="button" onClick={showKeys}>
        Keyboard shortcuts
      </button>
      <button type="button" onClick={() => void signOut()}>
        Sign out
      </button>
      <p class="faint">Version {person.version}</p>
    </Menu>
  )
}
