// Makes the packages of the web pages, as luci.mk would: luci-app-mqttd, and a translation of it for each language. They are for
// every architecture.
//
//   node scripts/luci-ipk.ts [FOLDER]       (default: dist)

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { pack, SCRIPTS, timeOfEntries, withFolders } from "./ipk.ts";
import { compileCatalogue } from "./lmo.ts";
import { catalogues } from "./luci-texts.ts";
import { parseRecipe, variable } from "./recipe.ts";
import type { Entry } from "./tar.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** What luci.mk gives to every package of LuCI: its caches go, and rpcd takes up the rights. */
const FRESH = [
	'[ -n "$IPKG_INSTROOT" ] || {',
	"\trm -f /tmp/luci-indexcache.*",
	"\trm -rf /tmp/luci-modulecache/",
	"\t/etc/init.d/rpcd reload 2>/dev/null",
	"\texit 0",
	"}",
	"",
].join("\n");

/** Languages by the names of LuCI's folders: what its files are called by, and what it calls them. */
const LANGUAGES: Readonly<Record<string, { readonly code: string; readonly title: string }>> = {
	zh_Hant: { code: "zh-tw", title: "繁體中文 (Chinese Traditional)" },
};

/** A package file. */
export interface PackageFile {
	readonly file: string;
	readonly bytes: Uint8Array;
}

interface Description {
	readonly name: string;
	readonly depends: readonly string[];
	readonly title: string;
	readonly text: string;
	/** Of a package of LuCI's own kind, what is done after it was installed. */
	readonly postinst?: string;
}

function text(path: string, content: string, mode = 0o644): Entry {
	return { path, mode, content: new TextEncoder().encode(content) };
}

function packageOf(description: Description, data: readonly Entry[], mtime: number): PackageFile {
	const { name, depends, title, postinst } = description;
	const recipe = recipeOf();
	const version = `${variable(recipe, "PKG_VERSION")}-${variable(recipe, "PKG_RELEASE")}`;
	const control = [
		`Package: ${name}`,
		`Version: ${version}`,
		`Depends: ${["libc", ...depends].join(", ")}`,
		`License: ${variable(recipe, "PKG_LICENSE")}`,
		"Section: luci",
		"Architecture: all",
		`Installed-Size: ${data.reduce((total, entry) => total + (entry.content?.length ?? 0), 0)}`,
		`Maintainer: ${variable(recipe, "PKG_MAINTAINER")}`,
		`Description: ${title}`,
		` ${description.text}`,
		"",
	].join("\n");
	const files = [
		{ path: "./", mode: 0o755 },
		text("./control", control),
		...Object.entries(SCRIPTS).map(([script, content]) => text(`./${script}`, content, 0o755)),
		...(postinst === undefined ? [] : [text("./postinst-pkg", postinst, 0o755)]),
	];
	return { file: `${name}_${version}_all.ipk`, bytes: pack(files, data, mtime) };
}

const APP = join(ROOT, "openwrt/luci-app-mqttd");

function recipeOf() {
	return parseRecipe(readFileSync(join(APP, "Makefile"), "utf8"));
}

/** All files below a folder, as they shall stand below `to` on the router. */
function entriesOf(folder: string, to: string): Entry[] {
	return readdirSync(folder, { withFileTypes: true, recursive: true })
		.filter((entry) => entry.isFile())
		.map((entry) => {
			const source = join(entry.parentPath, entry.name);
			return { path: `.${to}/${relative(folder, source)}`, mode: 0o644, content: readFileSync(source) };
		});
}

/** The pages: `htdocs` is below /www, `root` below /. */
function appPackage(mtime: number): PackageFile {
	const recipe = recipeOf();
	const data = withFolders([...entriesOf(join(APP, "htdocs"), "/www"), ...entriesOf(join(APP, "root"), "")]);
	const description = {
		name: variable(recipe, "PKG_NAME"),
		depends: variable(recipe, "LUCI_DEPENDS").replaceAll("+", "").split(" "),
		title: variable(recipe, "LUCI_TITLE"),
		text: variable(recipe, "LUCI_DESCRIPTION"),
		postinst: FRESH,
	};
	return packageOf(description, data, mtime);
}

/** The translation into one language, which LuCI offers from then on. */
function translationPackage(folder: string, mtime: number): PackageFile {
	const catalogue = catalogues(APP).get(folder);
	const language = LANGUAGES[folder];
	if (catalogue === undefined || language === undefined)
		throw new Error(`what LuCI calls ${folder} is not known`);
	const { code, title } = language;
	const name = `luci-i18n-mqttd-${code}`;
	const offer = `uci set luci.languages.${code.replaceAll("-", "_")}='${title}'; uci commit luci\n`;
	const data = withFolders([
		text(`./etc/uci-defaults/${name}`, offer),
		{
			path: `./usr/lib/lua/luci/i18n/mqttd.${code}.lmo`,
			mode: 0o644,
			content: compileCatalogue(catalogue),
		},
	]);
	const description = {
		name,
		depends: ["luci-app-mqttd"],
		title: `luci-app-mqttd - ${code} translation`,
		text: `Translation for luci-app-mqttd - ${title}`,
	};
	return packageOf(description, data, mtime);
}

/** All of them. `mtime` is in seconds since 1970. */
export function buildLuci(mtime: number): PackageFile[] {
	return [
		appPackage(mtime),
		...[...catalogues(APP).keys()].map((folder) => translationPackage(folder, mtime)),
	];
}

function main(): void {
	const out = process.argv[2] ?? join(ROOT, "dist");
	mkdirSync(out, { recursive: true });
	for (const { file, bytes } of buildLuci(timeOfEntries())) {
		writeFileSync(join(out, file), bytes);
		process.stdout.write(`${join(out, file)}: ${bytes.length} octets\n`);
	}
}

if (import.meta.main) main();
