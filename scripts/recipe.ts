// Reads an OpenWrt package recipe (openwrt/NAME/Makefile): what our own packaging takes from it.
//
// Only what these recipes use is understood: assignments with :=, `define` blocks, and the install commands. Anything
// else in an install block is an error, so that our package never silently differs from OpenWrt's.

/** A recipe, with variables expanded. */
export interface Recipe {
	/** Assignments outside of blocks: `PKG_VERSION` → `0.1.0`. */
	readonly variables: ReadonlyMap<string, string>;
	/** `define` blocks by name, lines as they stand. */
	readonly blocks: ReadonlyMap<string, readonly string[]>;
}

/** One step of installing. Paths on the router begin with `/`. */
export type Step =
	| { readonly kind: "folder"; readonly path: string }
	| { readonly kind: "file"; readonly path: string; readonly source: string; readonly mode: number }
	| { readonly kind: "link"; readonly path: string; readonly target: string };

/** Parses the text of a recipe. */
export function parseRecipe(text: string): Recipe {
	const variables = new Map<string, string>();
	const blocks = new Map<string, string[]>();
	let block: string[] | undefined;
	for (const line of text.split("\n")) {
		const define = line.match(/^define (\S+)$/);
		const assignment = line.match(/^([A-Z][A-Z0-9_]*):=(.*)$/);
		if (define?.[1] !== undefined) {
			block = [];
			blocks.set(define[1], block);
		} else if (line === "endef") block = undefined;
		else if (block !== undefined) block.push(line);
		else if (assignment?.[1] !== undefined) variables.set(assignment[1], assignment[2] ?? "");
	}
	return { variables, blocks };
}

/** A variable that must be there. */
export function variable(recipe: Recipe, name: string): string {
	const value = recipe.variables.get(name);
	if (value === undefined) throw new Error(`the recipe does not set ${name}`);
	return value;
}

/** The lines of a block that must be there, those of other blocks that it calls among them. */
export function block(recipe: Recipe, name: string): readonly string[] {
	const lines = recipe.blocks.get(name);
	if (lines === undefined) throw new Error(`the recipe has no block ${name}`);
	return lines.flatMap((line) => {
		const called = line.match(/^\s*\$\(call ([\w/-]+)(?:,\$\(1\))?\)$/)?.[1];
		return called === undefined ? [line] : block(recipe, called);
	});
}

/** The assignments in a `Package/NAME` block. */
export function packageFields(recipe: Recipe, name: string): Map<string, string> {
	const fields = new Map<string, string>();
	for (const line of block(recipe, `Package/${name}`)) {
		const match = line.match(/^ {2}([A-Z_]+):=(.*)$/);
		if (match?.[1] === undefined) throw new Error(`Package/${name}: cannot read "${line}"`);
		fields.set(match[1], match[2] ?? "");
	}
	return fields;
}

const INSTALL_MODES: Readonly<Record<string, number>> = {
	INSTALL_BIN: 0o755,
	INSTALL_DATA: 0o644,
	INSTALL_CONF: 0o600,
};

/** What the install block of a package does. `given` are variables that OpenWrt's build sets (`CURDIR`). */
export function installSteps(
	recipe: Recipe,
	name: string,
	given: Readonly<Record<string, string>>,
): readonly Step[] {
	return block(recipe, `Package/${name}/install`).flatMap((line): Step[] => {
		const match = line.match(/^\t\$\((\w+)\) (.+)$/);
		const command = match?.[1];
		const words = (match?.[2] ?? "").split(" ").map((word) => expand(word, recipe, { ...given, 1: "" }));
		const mode = INSTALL_MODES[command ?? ""];
		const [first, path] = words;
		if (command === "INSTALL_DIR") return words.map((folder) => ({ kind: "folder", path: folder }));
		if (first !== undefined && path !== undefined && words.length === 2) {
			if (mode !== undefined) return [{ kind: "file", path, source: first, mode }];
			if (command === "LN") return [{ kind: "link", path, target: first }];
		}
		throw new Error(`Package/${name}/install: cannot read "${line.trim()}"`);
	});
}

/** Expands `$(NAME)`; what is not known is an error. */
function expand(text: string, recipe: Recipe, given: Readonly<Record<string, string>>): string {
	return text.replace(/\$\((\w+)\)/g, (_, name: string) => {
		const value = given[name] ?? recipe.variables.get(name);
		if (value === undefined) throw new Error(`the recipe uses $(${name}), which nothing sets`);
		return expand(value, recipe, given);
	});
}
