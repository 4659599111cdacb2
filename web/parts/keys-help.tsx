import { keysOn } from '../keys.ts';
import { Button, Sheet } from './bits.tsx';

const keyHelp = [
  ['g then c p j b h a r s', 'Chat, Proposals, Jobs, Budget, Helper, Audit, Repositories, Settings'],
  ['/', 'Write a message'],
  ['j k', 'Next and previous file'],
  ['n p', 'Next and previous hunk'],
  ['w', 'Wrap long lines'],
  ['e', 'To the evidence'],
  ['d', 'To the decision (GO needs Enter or a tap)'],
] as const;

export function KeysHelp({ onClose }: { readonly onClose: () => void }) {
  return (
    <Sheet title="Keys" onClose={onClose}>
      <dl class="keys">
        {keyHelp.map(([keys, does]) => (
          <div key={keys}>
            <dt>
              <kbd>{keys}</kbd>
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
      <p class="muted">{keysOn() ? 'They can be turned off in Settings.' : 'They are turned off in Settings.'}</p>
      <Button onPress={onClose}>Close</Button>
    </Sheet>
  );
}
