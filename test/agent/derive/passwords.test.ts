import type { BGPConfiguration, BGPPeer, Secret } from '../../../api/index.ts';
import {
  namedSecrets,
  type PasswordRef,
  passwordRef,
  signingRefs,
  withKeys,
} from '../../../src/agent/derive/passwords.ts';

function secret(name: string, more: Partial<Secret>): Secret {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace: 'kube-system' },
    ...more,
  };
}

const base64 = (octets: string | Uint8Array) => Buffer.from(octets).toString('base64');

const SECRETS = [
  secret('bgp', {
    data: { rack: base64('naïve'), empty: '', binary: base64(Uint8Array.of(0xff, 0xfe)) },
  }),
  secret('bgp-file', { stringData: { rack: 'as written' } }),
  secret('long', { data: { rack: base64('x'.repeat(81)) } }),
];

function resolve(secretName: string, key: string) {
  const password: PasswordRef = { owner: 'BGPPeer "p"', secret: secretName, key };
  const problems: string[] = [];
  const peers = [
    { name: 'a', signing: { md5Key: password } },
    { name: 'b', signing: { md5Key: password } },
    { name: 'c', signing: {} },
  ];
  const keyed = withKeys(peers, SECRETS, problems);
  return { keys: keyed.map(({ name, keys }) => `${name} ${keys.md5Key}`), problems };
}

test.each([
  ['data of an API server', 'bgp', 'rack', 'naïve'],
  ['text in a file', 'bgp-file', 'rack', 'as written'],
])('a password from %s', (_, name, key, password) => {
  expect(resolve(name, key)).toEqual({
    keys: [`a ${password}`, `b ${password}`, 'c undefined'],
    problems: [],
  });
});

test.each([
  ['no Secret', 'none', 'rack', 'Secret "none" is not there, or may not be read'],
  ['no such key', 'bgp', 'tor', 'Secret "bgp" has no key "tor"'],
  ['a key of objects', 'bgp', 'constructor', 'Secret "bgp" has no key "constructor"'],
  ['an empty one', 'bgp', 'empty', '"empty" in Secret "bgp" has 0 octets; TCP takes 1 to 80'],
  ['too long a one', 'long', 'rack', '"rack" in Secret "long" has 81 octets; TCP takes 1 to 80'],
  ['no text', 'bgp', 'binary', '"binary" in Secret "bgp" is not UTF-8'],
])('%s: there is no session without the password, said once', (_, name, key, fault) => {
  expect(resolve(name, key)).toEqual({
    keys: ['c undefined'],
    problems: [`BGPPeer "p": no session without its password: ${fault}`],
  });
});

test('the Secrets that are named, each once', () => {
  const password = (name: string) => ({ secretKeyRef: { name, key: 'k' } });
  const peers = ['one', 'two', 'one'].map((name) => ({ spec: { password: password(name) } }));
  const configurations = [{ spec: { nodeMeshPassword: password('mesh') } }, {}];
  const named = namedSecrets(
    configurations as unknown as BGPConfiguration[],
    [
      ...peers,
      { spec: {} },
      { spec: { tcpAO: [{ id: 1, ...password('ao') }] } },
    ] as unknown as BGPPeer[],
  );
  expect([...named]).toEqual(['mesh', 'one', 'two', 'ao']);
});

test('TCP-AO: keys in their order, each from its Secret; all of them, or there is no session', () => {
  const refs = (...keys: [secret: string, key: string][]) =>
    signingRefs('BGPPeer "p"', {
      tcpAO: keys.map(([name, key], index) => ({ id: index + 1, secretKeyRef: { name, key } })),
    });
  const problems: string[] = [];
  const peers = [
    { name: 'a', signing: refs(['bgp-file', 'rack'], ['bgp', 'rack']) },
    { name: 'b', signing: refs(['bgp', 'rack'], ['none', 'rack']) },
  ];
  const keyed = withKeys(peers, SECRETS, problems);
  expect(keyed.map(({ name, keys }) => [name, keys])).toEqual([
    [
      'a',
      {
        aoKeys: [
          { id: 1, algorithm: 'HMAC-SHA-1-96', secret: 'as written' },
          { id: 2, algorithm: 'HMAC-SHA-1-96', secret: 'naïve' },
        ],
      },
    ],
  ]);
  expect(problems).toEqual([
    'BGPPeer "p": no session without its password: Secret "none" is not there, or may not be read',
  ]);
});

test('a resource without a password has none', () => {
  expect(passwordRef('BGPPeer "p"', undefined)).toBeUndefined();
  expect(passwordRef('BGPPeer "p"', {})).toBeUndefined();
});
