/** `tortie crds`: the CustomResourceDefinitions of our resources, for a cluster: tortie crds | kubectl apply -f - */
import type { Command } from 'commander';

export function addCrdsCommand(program: Command): void {
  program
    .command('crds')
    .description(
      'print the CustomResourceDefinitions for a cluster: tortie crds | kubectl apply -f -',
    )
    .action(async () => {
      const { crdManifests } = await import('../api/index.ts');
      const { stringify } = await import('yaml');
      console.log(
        crdManifests()
          .map((crd) => stringify(crd))
          .join('---\n')
          .trimEnd(),
      );
    });
}
