import type { HelperConnection, HelperKeys, HelperLink } from '../../ports-cloud.ts';
import type { TestSshd } from '../sshd.ts';

/** Opens a connection to a server of a test; its own log is in the error when that fails. */
export async function connectTo(link: HelperLink, sshd: TestSshd, keys: HelperKeys): Promise<HelperConnection> {
  const { address, port, user } = sshd;
  const connected = await link.connect({ address, port, user, keys }, AbortSignal.timeout(60_000));
  if (!connected.ok) throw new Error(`${connected.why}\n${sshd.said()}`);
  return connected.value;
}
