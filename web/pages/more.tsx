import { moreItems } from '../nav.ts';
import { Icon } from '../parts/icons.tsx';
import { Page } from '../parts/page.tsx';

/** On a phone: the pages that have no place in the bar below. */
export function MorePage() {
  return (
    <Page title="More">
      <ul class="menu">
        {moreItems.map((item) => (
          <li key={item.href}>
            <a href={item.href}>
              <Icon name={item.icon} />
              <span>{item.label}</span>
              <Icon name="forward" />
            </a>
          </li>
        ))}
      </ul>
    </Page>
  );
}
