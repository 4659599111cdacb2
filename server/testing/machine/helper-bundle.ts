import { rolldown } from 'rolldown';
import { helperPath } from '../../../helper/test-kit.ts';

/** The helper as one file, from its source as it stands, whether or not anything is built. */
export async function bundleHelper(): Promise<Buffer> {
  const bundle = await rolldown({ input: helperPath, platform: 'node', logLevel: 'silent' });
  const { output } = await bundle.generate({ format: 'cjs', codeSplitting: false });
  await bundle.close();
  return Buffer.from(output[0].code);
}
