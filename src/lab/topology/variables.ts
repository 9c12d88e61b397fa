/**
 * Environment variables in a topology file, as containerlab has them: `$VAR`, `${VAR}`, and with a default
 * `${VAR:=x}` or `${VAR:-x}`. Containerlab puts an empty text for one that is unset; that hides typing errors, so
 * here it is an error that names the variable.
 */
const VARIABLE = /\$(?:\{([A-Za-z_]\w*)(?::[=-]([^}]*))?\}|([A-Za-z_]\w*))/g;

class UnsetVariable extends Error {
  constructor(name: string, line: number) {
    super(
      `line ${line}: the variable ${name} is not set; set it, or give a default: \${${name}:=…}`,
    );
  }
}

export function substituteVariables(
  text: string,
  environment: Readonly<Record<string, string | undefined>>,
): string {
  return text.replace(VARIABLE, (_, braced, fallback, bare, offset: number) => {
    const name: string = braced ?? bare;
    // As in a shell, `:=` and `:-` also replace a variable that is set but empty.
    const value = fallback === undefined ? environment[name] : environment[name] || fallback;
    if (value === undefined) throw new UnsetVariable(name, lineAt(text, offset));
    return value;
  });
}

function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length;
}
