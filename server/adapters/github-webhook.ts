/** Whether a delivery was signed with this secret, compared in constant time (GitHub: "X-Hub-Signature-256"). */
export function verifyWith(secret: string): (body: Buffer, signature: string) => Promise<boolean> {
  return async (body, signature) => {
    const { Webhooks } = await import('@octokit/webhooks');
    // The signature is over bytes and octokit takes text: latin1 and back would change them, so only what is UTF-8 can be right.
    const text = body.toString('utf8');
    if (!Buffer.from(text, 'utf8').equals(body) || text === '') return false;
    return await new Webhooks({ secret }).verify(text, signature);
  };
}
