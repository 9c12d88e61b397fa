import { CUSTOM_RESOURCES, parseJson } from '../../../api/index.ts';
import type { Contract } from '../contract.ts';

interface ResourceList {
  kind: string;
  groupVersion: string;
  resources: {
    name: string;
    singularName: string;
    namespaced: boolean;
    kind: string;
    verbs: string[];
    shortNames?: string[];
  }[];
}

interface OpenApi {
  openapi: string;
  paths: Record<string, Record<string, { parameters?: { name: string }[] }>>;
  components: { schemas: Record<string, Record<string, unknown>> };
}

export function discoveryContract(contract: Contract): void {
  async function get<T>(path: string): Promise<T> {
    const { body } = await contract.store.request({ method: 'GET', path });
    // kube-apiserver calls its OpenAPI documents plain text.
    return (typeof body === 'string' && body.startsWith('{') ? parseJson(body) : body) as T;
  }

  test('groups and versions', async () => {
    expect(await get('/api')).toMatchObject({ kind: 'APIVersions', versions: ['v1'] });
    const { groups } = await get<{ groups: { name: string }[] }>('/apis');
    expect(groups).toContainEqual(
      expect.objectContaining({
        name: 'projectcalico.org',
        versions: [{ groupVersion: 'projectcalico.org/v3', version: 'v3' }],
        preferredVersion: { groupVersion: 'projectcalico.org/v3', version: 'v3' },
      }),
    );
    const names = groups.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(['coordination.k8s.io', 'discovery.k8s.io']));
    expect(await get('/apis/projectcalico.org')).toMatchObject({ kind: 'APIGroup' });
  });

  test.each(CUSTOM_RESOURCES.map((type) => [type.kind, type] as const))(
    '%s is announced with its names and verbs',
    async (kind, { plural, singular, shortNames, hasStatus }) => {
      const list = await get<ResourceList>('/apis/projectcalico.org/v3');
      expect(list).toMatchObject({ kind: 'APIResourceList', groupVersion: 'projectcalico.org/v3' });
      const found = list.resources.find(({ name }) => name === plural)!;
      expect(found).toMatchObject({ kind, singularName: singular, namespaced: false });
      expect(found.shortNames ?? []).toEqual(shortNames);
      expect([...found.verbs].sort()).toEqual([
        'create',
        'delete',
        'deletecollection',
        'get',
        'list',
        'patch',
        'update',
        'watch',
      ]);
      const status = list.resources.find(({ name }) => name === `${plural}/status`);
      expect(status !== undefined).toBe(hasStatus);
    },
  );

  test('core kinds are announced', async () => {
    const { resources } = await get<ResourceList>('/api/v1');
    const find = (wanted: string) => resources.find(({ name }) => name === wanted);
    expect(find('nodes')).toMatchObject({ kind: 'Node', namespaced: false, shortNames: ['no'] });
    expect(find('pods')).toMatchObject({ kind: 'Pod', namespaced: true, shortNames: ['po'] });
    expect(find('nodes/status')).toBeDefined();
    for (const name of ['namespaces', 'secrets', 'configmaps', 'services', 'events'])
      expect(find(name)).toBeDefined();
  });

  test('what is not served is not found, as a Status where a group exists', async () => {
    await expect(get('/apis/projectcalico.org/v3/wonders')).rejects.toMatchObject({ status: 404 });
    await expect(get('/apis/example.com/v1')).rejects.toMatchObject({ status: 404 });
  });

  test('OpenAPI v3: kubectl finds our group, its schemas and fieldValidation', async () => {
    const index = await get<{ paths: Record<string, { serverRelativeURL: string }> }>(
      '/openapi/v3',
    );
    const { serverRelativeURL } = index.paths['apis/projectcalico.org/v3']!;
    expect(index.paths['api/v1']).toBeDefined();
    const document = await get<OpenApi>(serverRelativeURL);
    expect(document.openapi).toMatch(/^3\.0/);
    const group = (name: string) => document.paths[`/apis/projectcalico.org/v3/${name}`]!;
    for (const [path, verb] of [
      ['ippools', 'post'],
      ['ippools/{name}', 'put'],
      ['ippools/{name}', 'patch'],
    ] as const) {
      const parameters = group(path)[verb]!.parameters!.map(({ name }) => name);
      expect(parameters).toEqual(expect.arrayContaining(['fieldValidation', 'dryRun']));
    }
    const pools = Object.values(document.components.schemas).find((schema) =>
      JSON.stringify(schema['x-kubernetes-group-version-kind'])?.includes('"IPPool"'),
    );
    expect(pools).toMatchObject({
      'x-kubernetes-group-version-kind': [
        { group: 'projectcalico.org', version: 'v3', kind: 'IPPool' },
      ],
      properties: { spec: { properties: { cidr: { type: 'string' } } } },
    });
  }, 40_000);

  test.each(['/healthz', '/livez', '/readyz'])('%s says ok', async (path) => {
    expect(await get(path)).toBe('ok');
  });

  test('the version is that of a Kubernetes', async () => {
    expect(await get('/version')).toMatchObject({
      major: '1',
      minor: expect.stringMatching(/^\d+$/),
      gitVersion: expect.stringMatching(/^v1\.\d+\.\d+/),
    });
  });
}
