/**
 * Credentials from a plugin (`exec`, `auth-provider`): @kubernetes/client-node runs it and keeps its
 * token until it expires. Imported only when a kubeconfig asks for one.
 */
import { dirname } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import { stringify } from 'yaml';
import type { Credentials, TlsOptions } from './credentials.ts';

const NAME = 'plugin';

/** `base` with what the plugin gives: a token each time it is asked, a client certificate once. */
export async function pluginCredentials(
  base: Pick<Credentials, 'server' | 'source' | 'tls'>,
  file: string,
  { cluster, user }: { cluster: object; user: object },
): Promise<Credentials> {
  const config = new KubeConfig();
  config.loadFromString(
    stringify({
      'current-context': NAME,
      clusters: [{ name: NAME, cluster }],
      users: [{ name: NAME, user }],
      contexts: [{ name: NAME, context: { cluster: NAME, user: NAME } }],
    }),
  );
  config.makePathsAbsolute(dirname(file));
  const { headers: _, ...certificate } = await ask();
  return {
    ...base,
    tls: { ...base.tls, ...certificate },
    authorization: async () => (await ask()).headers.Authorization,
    // The plugin's token has its own end, which client-node heeds.
    refused: () => {},
  };

  async function ask() {
    const options: { headers: Record<string, string> } & Pick<TlsOptions, 'cert' | 'key'> = {
      headers: {},
    };
    try {
      await config.applyToHTTPSOptions(options);
    } catch (error) {
      throw new Error(
        `${base.source}: the credential plugin failed: ${(error as Error).message}. Does it work with kubectl?`,
        { cause: error },
      );
    }
    const { headers, cert, key } = options;
    return { headers, ...(cert && { cert }), ...(key && { key }) };
  }
}
