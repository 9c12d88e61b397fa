/** The resources in a speaker's files, each known by the file that it is in. */
import {
  BGPConfiguration,
  BGPFilter,
  BGPPeer,
  conform,
  describeProblem,
  IPAMBlock,
  IPPool,
  Node,
  Secret,
} from '../../api/index.ts';
import type { KubeObject, ResourceType } from '../../ports.ts';
import { customKind, UsageError } from '../ctl/kinds.ts';
import { readManifests } from '../ctl/manifests.ts';
import type { RouterResources } from './derive.ts';

export interface ReadFiles {
  readonly resources: RouterResources;
  /** What does not keep the rest from being used. */
  readonly problems: readonly string[];
  /** Puts the file's name before a problem that begins with the resource's kind and name. */
  located(problem: string): string;
}

interface Found {
  readonly file: string;
  readonly kind: ResourceType;
  readonly object: KubeObject;
}

/** @throws UsageError naming every file and resource that cannot be used. */
export function readResourceFiles(files: readonly string[]): ReadFiles {
  const found = files.flatMap(readOne);
  const fileOf = new Map<string, string>();
  for (const { file, object } of found) {
    const title = titleOf(object);
    const other = fileOf.get(title);
    if (other !== undefined)
      throw new UsageError(
        `${file}: ${title} is ${other === file ? 'there twice' : `in ${other} too`}: keep one of them`,
      );
    fileOf.set(title, file);
  }
  const all = <T extends KubeObject>(type: ResourceType<T>) =>
    found.filter(({ kind }) => kind.kind === type.kind).map(({ object }) => object as T);
  return {
    resources: {
      nodes: all(Node),
      pools: all(IPPool),
      bgpConfigurations: all(BGPConfiguration),
      bgpPeers: all(BGPPeer),
      bgpFilters: all(BGPFilter),
      secrets: all(Secret),
      blocks: all(IPAMBlock),
    },
    problems: found.flatMap(misspelt),
    located(problem) {
      const [title = ''] = /^\w+ "[^"]*"/.exec(problem) ?? [];
      const file = fileOf.get(title);
      return file === undefined ? problem : `${file}: ${problem}`;
    },
  };
}

function readOne(file: string): Found[] {
  try {
    return readManifests([file], [Secret]).map((manifest) => ({ file, ...manifest }));
  } catch (error) {
    if (!(error instanceof UsageError) || error.message.includes(file)) throw error;
    throw new UsageError(`${file}: ${error.message}`);
  }
}

/** An API server would refuse these or warn of them; here nobody else stands between the file and us. */
function misspelt({ file, kind, object }: Found): string[] {
  const custom = customKind(kind);
  if (!custom) return [];
  return conform(custom, object).unknown.map((path) => {
    const problem = { path, message: 'is no field that we know, and has no effect' };
    return `${file}: ${describeProblem(object, problem)}`;
  });
}

function titleOf({ kind, metadata }: KubeObject): string {
  return `${kind} ${JSON.stringify(metadata.name)}`;
}
