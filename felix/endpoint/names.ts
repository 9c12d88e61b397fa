/** Names that reach a path or the kernel, and what is wrong with them. */

/** A sandbox's file name is made of its id, and file names end at 255 bytes. */
const MAX_CONTAINER_ID = 200;
/** IFNAMSIZ is 16, with the zero byte. */
const MAX_INTERFACE_NAME = 15;

/** CNI specification, "Parameters": alphanumeric first, then also "_", "." and "-". */
export function faultOfContainerID(id: string): string | undefined {
  if (id === '') return 'the container ID is empty';
  if (id.length > MAX_CONTAINER_ID)
    return `the container ID is longer than ${MAX_CONTAINER_ID} characters`;
  if (!/^[A-Za-z0-9][A-Za-z0-9_.-]*$/.test(id))
    return `container ID ${JSON.stringify(id)} has characters other than letters, digits, "_", "." and "-"`;
  return undefined;
}

/** What the kernel's dev_valid_name() refuses, and "@", which `ip` prints between veth ends. */
export function faultOfInterfaceName(name: string): string | undefined {
  if (name === '' || name === '.' || name === '..')
    return `${JSON.stringify(name)} is no interface name`;
  if (name.length > MAX_INTERFACE_NAME)
    return `interface name ${JSON.stringify(name)} is longer than ${MAX_INTERFACE_NAME} characters`;
  if (!/^[\x21-\x7e]+$/.test(name) || /[/:@]/.test(name))
    return `interface name ${JSON.stringify(name)} has a space, "/", ":", "@" or a character beyond ASCII`;
  return undefined;
}
