import { BGPConfiguration, CUSTOM_RESOURCES, IPAMHandle, IPPool } from '../../../api/index.ts';
import type { KubeObject, ObjectMeta } from '../../../ports.ts';
import { REFUSED } from '../../api/refused-objects.ts';
import { VALID } from '../../api/valid-objects.ts';
import type { Contract } from '../contract.ts';
import { rawRequest } from './raw.ts';
import { pool } from './samples.ts';

const typeOf = ({ kind }: KubeObject) => CUSTOM_RESOURCES.find((type) => type.kind === kind)!;

export function validationContract(contract: Contract): void {
  const { fresh } = contract;

  /** Under a name of its own, unless the kind has names of its own. */
  function renamed(object: KubeObject): KubeObject {
    if (['BGPConfiguration', 'IPAMConfiguration'].includes(object.kind)) return object;
    return { ...object, metadata: { name: fresh('example') } };
  }

  test.each(VALID.map((object) => [object.kind, object.metadata.name, object] as const))(
    'accepts %s %s, under Strict too',
    async (_kind, _name, example) => {
      const object = renamed(example);
      const type = typeOf(object);
      const created = await contract.store.create(type, object, { fieldValidation: 'Strict' });
      const { status: _, ...withoutStatus } = object as KubeObject & { status?: unknown };
      expect(created).toMatchObject(withoutStatus);
      await contract.store.delete(type, object.metadata.name);
    },
  );

  test.each(REFUSED.map((refused) => [refused.object.kind, refused.text, refused] as const))(
    'refuses %s: %s',
    async (_kind, _text, { object: example, oursOnly }) => {
      const object = renamed(example);
      const attempt = contract.store.create(typeOf(object), object, { dryRun: true });
      if (oursOnly && !contract.abilities.holdsEveryRule) await attempt;
      else
        await expect(attempt).rejects.toMatchObject({
          code: 'Invalid',
          status: 422,
          message: expect.stringContaining(JSON.stringify(object.metadata.name)),
          causes: expect.arrayContaining([expect.objectContaining({ message: expect.anything() })]),
        });
    },
  );

  test('an update is judged like a create', async () => {
    const created = await contract.store.create(IPPool, pool(fresh('judged')));
    const spec = { ...created.spec, ipipMode: 'Sometimes' as never };
    await expect(contract.store.update(IPPool, { ...created, spec })).rejects.toMatchObject({
      code: 'Invalid',
    });
    await expect(
      contract.store.patch(IPPool, created.metadata.name, { spec }),
    ).rejects.toMatchObject({ code: 'Invalid' });
  });

  test("a pool's CIDR and block size cannot be changed", async () => {
    const spec = { cidr: '10.0.0.0/16', blockSize: 26 };
    const created = await contract.store.create(IPPool, { ...pool(fresh('fixed')), spec });
    for (const change of [{ cidr: '10.1.0.0/16' }, { blockSize: 27 }])
      await expect(
        contract.store.patch(IPPool, created.metadata.name, { spec: change }),
      ).rejects.toMatchObject({
        code: 'Invalid',
        message: expect.stringContaining('cannot be changed'),
      });
  });

  test('names are RFC 1123 subdomains', async () => {
    for (const name of ['Upper', 'under_score', '-a', 'a.', 'a'.repeat(254)])
      await expect(
        contract.store.create(IPPool, pool(name), { dryRun: true }),
      ).rejects.toMatchObject({ code: 'Invalid', status: 422 });
  });

  test('labels and annotations are judged as well', async () => {
    const bad: Partial<ObjectMeta>[] = [
      { labels: { 'a b': 'c' } },
      { labels: { a: '-' } },
      { labels: { a: 5 as never } },
    ];
    for (const metadata of bad)
      await expect(
        contract.store.create(IPPool, pool(fresh('labels'), metadata), { dryRun: true }),
      ).rejects.toMatchObject({ code: 'Invalid' });
  });

  const misspelt = (name: string) =>
    ({ ...pool(name), spec: { cidr: '10.0.0.0/16', natOutgoin: true } }) as IPPool;

  test('a misspelt field is refused under Strict, and named', async () => {
    await expect(
      contract.store.create(IPPool, misspelt(fresh('strict')), { fieldValidation: 'Strict' }),
    ).rejects.toMatchObject({
      code: 'Invalid',
      status: 400,
      message: expect.stringContaining('unknown field "spec.natOutgoin"'),
    });
  });

  test.each(['Strict', undefined] as const)(
    'a field that is there twice is refused or warned of under %s',
    async (fieldValidation) => {
      const query = fieldValidation ? `&fieldValidation=${fieldValidation}` : '';
      const { status, headers, body } = await rawRequest(contract.server.kubeconfig, {
        method: 'POST',
        path: `/apis/projectcalico.org/v3/ippools?dryRun=All${query}`,
        body: `{"apiVersion":"projectcalico.org/v3","kind":"IPPool","metadata":{"name":"${fresh('dup')}"},"spec":{"cidr":"10.0.0.0/16","cidr":"10.0.0.0/16"}}`,
      });
      expect(status).toBe(fieldValidation ? 400 : 201);
      expect(fieldValidation ? body : headers.warning).toContain('duplicate field \\"spec.cidr\\"');
    },
  );

  test.each(['Ignore', 'Warn', undefined] as const)(
    'a misspelt field under %s is dropped',
    async (fieldValidation) => {
      const name = fresh('dropped');
      const { headers, body } = await contract.store.request({
        method: 'POST',
        path: `/apis/projectcalico.org/v3/ippools${fieldValidation ? `?fieldValidation=${fieldValidation}` : ''}`,
        body: misspelt(name),
      });
      expect((body as IPPool).spec).not.toHaveProperty('natOutgoin');
      if (fieldValidation === 'Ignore') expect(headers.warning).toBeUndefined();
      else expect(headers.warning).toContain('299 - "unknown field \\"spec.natOutgoin\\""');
    },
  );

  test('IPAM data keeps unknown fields, at any depth', async () => {
    const handle = {
      apiVersion: 'projectcalico.org/v3',
      kind: 'IPAMHandle',
      metadata: { name: fresh('handle') },
      spec: { handleID: 'h', block: {}, future: { deep: [1] } },
      future: true,
    } as IPAMHandle;
    const created = await contract.store.create(IPAMHandle, handle, { fieldValidation: 'Strict' });
    expect(created).toMatchObject(handle);
  });

  test('defaults are stored, null included; not those of what a node overrides', async () => {
    const spec = {
      cidr: '10.0.0.0/16',
      vxlanMode: null as never,
      namespaceSelector: null as never,
    };
    const created = await contract.store.create(IPPool, { ...pool(fresh('defaults')), spec });
    expect(created.spec).toEqual({
      cidr: '10.0.0.0/16',
      ipipMode: 'Never',
      vxlanMode: 'Never',
      udpMode: 'Never',
      natOutgoing: false,
      disabled: false,
      disableBGPExport: false,
      nodeSelector: 'all()',
      assignmentMode: 'Automatic',
    });
    const configuration = await contract.store.create(BGPConfiguration, {
      apiVersion: 'projectcalico.org/v3',
      kind: 'BGPConfiguration',
      metadata: { name: `node.${fresh('n')}` },
      spec: { listenPort: 1790 },
    });
    expect(configuration.spec).toEqual({ listenPort: 1790 });
  });
}
