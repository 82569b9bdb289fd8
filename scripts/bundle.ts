/**
 * Bundles one program into one ES module: `bundle.ts ENTRY OUT node|quickjs`.
 *
 * The same sources give the same octets: nothing of the machine, its folders or the time gets into the output.
 * White space goes and constants are folded, also across modules; names stay, so that a stack trace can be read. With MQTTD_TLS=no in
 * the environment, a program for QuickJS is without TLS.
 */

import { chmodSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { type BuildOptions, build, type Plugin } from "esbuild";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** In a QuickJS bundle a bare specifier names a module of the C host, and nothing of Node may be asked for. */
const cModules: Plugin = {
	name: "c-modules",
	setup(bundle) {
		bundle.onResolve({ filter: /^[^./]/ }, (found) => {
			if (found.kind === "entry-point") {
				return null;
			}
			if (found.path.startsWith("node:") || builtinModules.includes(found.path)) {
				return { errors: [{ text: `${found.path} is a module of Node, which QuickJS has not` }] };
			}
			return { path: found.path, external: true };
		});
	},
};

/** In a program without TLS, what says so takes the place of what has to do with it. */
const noTls: Plugin = {
	name: "no-tls",
	setup(bundle) {
		const folders = ["src/qjs", "src/bin"].map((folder) => join(root, folder));
		bundle.onResolve({ filter: /^\.\/tls\.ts$/ }, ({ resolveDir }) =>
			folders.includes(resolveDir) ? { path: join(resolveDir, "tls-none.ts") } : null,
		);
	},
};

const byPlatform: Record<string, BuildOptions> = {
	node: { platform: "node", target: "node22", banner: { js: "#!/usr/bin/env node" } },
	quickjs: {
		platform: "neutral",
		target: "es2023",
		plugins: [cModules, ...(process.env.MQTTD_TLS === "no" ? [noTls] : [])],
	},
};

/** What each list of absent.awk belongs to; those of prototypes are left out, and what is called by no name. */
const OWNERS: Readonly<Record<string, string>> = {
	object: "Object",
	string: "String",
	map: "Map",
	promise: "Promise",
	bigint: "BigInt",
	date: "Date",
	reflect: "Reflect",
};

/** How a program would call what absent.awk takes away. */
function absentCalls(): string[] {
	const lists = readFileSync(join(root, "src/qjs/c/absent.awk"), "utf8").replace(/" *\\\n\t*"/g, "");
	const calls = [...lists.matchAll(/^\tabsent\["(\w+)"\] = "([\w ]+)"$/gm)].map(([, list, names]) => {
		const owner = OWNERS[list!];
		const before = list!.endsWith("_proto") ? String.raw`\.` : String.raw`\b${owner ? `${owner}.` : ""}`;
		if (owner === undefined && list !== "global" && !list!.endsWith("_proto"))
			throw new Error(`absent.awk: ${list}`);
		return list === "async_generator_proto" ? [] : [`${before}(?:${names!.replaceAll(" ", "|")})\\(`];
	});
	if (calls.length < 10) throw new Error("absent.awk is not as it was");
	return calls.flat();
}

/**
 * What absent.h, absent.awk and speed.awk take away from QuickJS: regular expressions that are compiled at run time, asynchronous
 * generators, texts of dates, and little used objects and functions.
 */
const ABSENT = new RegExp(
	[
		...absentCalls(),
		String.raw`\bRegExp\(`,
		String.raw`\.(?:split|matchAll)\(\/`,
		String.raw`\.(?:normalize|matchAll)\(`,
		String.raw`\bMath\.(?:a?(?:cos|sin|tan)h?|atan2|cbrt|expm1|hypot|log(?:10|1p|2))\b`,
		String.raw`\b(?:Atomics|Reflect)\b`,
		String.raw`\basync(?: function)? ?\*`,
		String.raw`\bnew Date\(["'\`]`,
	].join("|"),
);

async function main(args: string[]): Promise<number> {
	const [entry, out, platform] = args;
	const options = platform === undefined ? undefined : byPlatform[platform];
	if (entry === undefined || out === undefined || options === undefined || args.length !== 3) {
		process.stderr.write("Usage: bundle.ts ENTRY OUT node|quickjs\n");
		return 2;
	}
	const version: unknown = JSON.parse(readFileSync(join(root, "package.json"), "utf8")).version;
	const result = await build({
		...options,
		absWorkingDir: root,
		entryPoints: [resolve(entry)],
		outfile: resolve(out),
		bundle: true,
		format: "esm",
		charset: "utf8",
		legalComments: "none",
		minifySyntax: true,
		minifyWhitespace: true,
		minifyIdentifiers: false,
		define: { __MQTTD_VERSION__: JSON.stringify(version) },
		logLevel: "silent",
	}).catch((failure: { errors?: unknown[] }) => {
		if (failure.errors === undefined) {
			throw failure;
		}
		return failure;
	});
	const { errors = [], warnings = [] } = result as { errors?: Message[]; warnings?: Message[] };
	for (const message of [...errors, ...warnings]) {
		const place = message.location;
		const where = place ? `${place.file}:${place.line}:${place.column + 1}: ` : "";
		process.stderr.write(`bundle: ${where}${message.text}\n`);
	}
	// A warning of the bundler is a defect of ours (an import that is undefined, a key given twice).
	if (errors.length > 0 || warnings.length > 0) {
		return 1;
	}
	const absent = platform === "quickjs" ? ABSENT.exec(readFileSync(resolve(out), "utf8")) : null;
	if (absent !== null) {
		process.stderr.write(`bundle: ${absent[0]} is not in the QuickJS of ours (see src/qjs/c/absent.h)\n`);
		return 1;
	}
	if (platform === "node") {
		chmodSync(resolve(out), 0o755);
	}
	return 0;
}

interface Message {
	readonly text: string;
	readonly location: { readonly file: string; readonly line: number; readonly column: number } | null;
}

process.exitCode = await main(process.argv.slice(2));
