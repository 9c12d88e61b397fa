/**
 * One JSON file a wired pod, so that the agent knows its pods after a restart with the API server away.
 *
 * A file is on the disk before the ADD is answered, whole or not at all: written beside its place,
 * synced, renamed, and the folder synced. A file that can't be read is evidence of a pod, so it is
 * reported and kept, never removed.
 */

import { constants } from 'node:fs';
import { mkdir, open, readdir, readFile, rename, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  formatAddress,
  formatPrefix,
  isAddress,
  isPrefix,
  parseAddress,
  parsePrefix,
} from 'net-ipaddr';
import { z } from 'zod';
import { WORKLOAD_INTERFACE_PREFIX } from '../ours.ts';
import type { Endpoint, EndpointRef } from './endpoint.ts';
import { faultOfContainerID, faultOfInterfaceName } from './names.ts';

/** What is written is on the disk when write(2) returns: one trip to another thread less than with an fsync. */
const TO_DISK = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_DSYNC;

const ENDING = '.json';
const UNFINISHED = '.tmp';

const name = (faultOf: (text: string) => string | undefined) =>
  z.string().superRefine((text, context) => {
    const message = faultOf(text);
    if (message !== undefined) context.addIssue({ code: 'custom', message });
  });

const schema = z.object({
  version: z.literal(1),
  containerID: name(faultOfContainerID),
  ifname: name(faultOfInterfaceName),
  hostInterface: name(faultOfInterfaceName).startsWith(WORKLOAD_INTERFACE_PREFIX),
  mac: z.string(),
  namespace: z.string(),
  pod: z.string(),
  addresses: z.array(z.string().refine(isAddress, 'is not an IP address')).min(1),
  allowedSourcePrefixes: z.array(z.string().refine(isPrefix, 'is not a prefix')).optional(),
  mtu: z.int().positive(),
  isMtuFixed: z.boolean().optional(),
  sandbox: z.string().optional(),
  network: z.string(),
  handleId: z.string(),
  createdAt: z.int(),
});

export interface EndpointFilesRead {
  endpoints: Endpoint[];
  /** Files that say nothing we understand, with what is wrong. They stay where they are. */
  unreadable: { path: string; reason: string }[];
}

export class EndpointFiles {
  readonly #folder: string;
  #syncing: Promise<void> = Promise.resolve();
  /** Begins when the one under way has ended. */
  #nextSync: Promise<void> | undefined;

  /** @param folder made, with its parents, by `readAll`. */
  constructor(folder: string) {
    this.#folder = folder;
  }

  async readAll(): Promise<EndpointFilesRead> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const read: EndpointFilesRead = { endpoints: [], unreadable: [] };
    for (const file of (await readdir(this.#folder)).sort()) {
      const path = join(this.#folder, file);
      if (file.endsWith(UNFINISHED)) {
        // Left by a crash before the rename, so before the answer: that pod was never handed out.
        await unlink(path);
        continue;
      }
      try {
        read.endpoints.push(parse(file, await readFile(path, 'utf8')));
      } catch (error) {
        read.unreadable.push({ path, reason: (error as Error).message });
      }
    }
    return read;
  }

  /** Resolves when a power cut would no longer lose it. Replaces the sandbox's earlier file. */
  async write(endpoint: Endpoint): Promise<void> {
    const path = join(this.#folder, fileName(endpoint));
    await writeFile(path + UNFINISHED, stringify(endpoint), { mode: 0o600, flag: TO_DISK });
    await rename(path + UNFINISHED, path);
    await this.#syncFolder();
  }

  async remove(ref: EndpointRef): Promise<void> {
    try {
      await unlink(join(this.#folder, fileName(ref)));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
      throw error;
    }
    await this.#syncFolder();
  }

  /**
   * A rename is durable only when the folder that it changed is. Files that come and go together share one sync:
   * the next, as the one under way may be older than the rename.
   */
  #syncFolder(): Promise<void> {
    this.#nextSync ??= this.#syncing.then(() => {
      this.#nextSync = undefined;
      const synced = this.#sync();
      this.#syncing = synced.catch(() => {});
      return synced;
    });
    return this.#nextSync;
  }

  async #sync(): Promise<void> {
    const folder = await open(this.#folder, 'r');
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  }
}

/** A container id has no "@", so no two sandboxes share a name. */
function fileName(ref: EndpointRef): string {
  return `${ref.containerID}@${ref.ifname}${ENDING}`;
}

function stringify(endpoint: Endpoint): string {
  const addresses = endpoint.addresses.map(formatAddress);
  const allowedSourcePrefixes = endpoint.allowedSourcePrefixes?.map(formatPrefix);
  const content = { version: 1, ...endpoint, addresses, allowedSourcePrefixes };
  return `${JSON.stringify(content, undefined, 2)}\n`;
}

/** @throws Error that says what is wrong with the file. */
function parse(file: string, text: string): Endpoint {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new Error(`it is not JSON (${(error as Error).message})`);
  }
  const result = schema.safeParse(json);
  if (!result.success) {
    const faults = result.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
    throw new Error(faults.join('; '));
  }
  const { version: _, allowedSourcePrefixes, ...rest } = result.data;
  const endpoint = {
    ...rest,
    addresses: rest.addresses.map(parseAddress),
    ...(allowedSourcePrefixes && {
      allowedSourcePrefixes: allowedSourcePrefixes.map(parsePrefix),
    }),
  };
  if (fileName(endpoint) !== file)
    throw new Error(`its content is that of ${fileName(endpoint)}; has it been copied?`);
  return endpoint;
}
