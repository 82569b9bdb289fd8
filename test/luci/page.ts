/** The page that a view of LuCI stands in, and the files that a browser asks for: made of the sources, nothing is built before. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildSync } from "esbuild";
import { catalogues, collect, LUCI_APP } from "../../scripts/luci-texts.ts";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const TYPES: Readonly<Record<string, string>> = {
	js: "text/javascript; charset=utf-8",
	css: "text/css; charset=utf-8",
};

/** The stand-in of LuCI's client side, as one script. */
function runtimeScript(): Uint8Array {
	const { outputFiles } = buildSync({
		entryPoints: [join(HERE, "runtime/main.ts")],
		bundle: true,
		write: false,
		format: "iife",
		target: "es2023",
		logLevel: "warning",
	});
	return outputFiles[0]!.contents;
}

export interface PageOptions {
	/** Name of the view below `view/mqttd`. */
	readonly view: string;
	/** The session of the one who is logged in, and what it may do. */
	readonly session: string;
	readonly permission: "read" | "write";
	/** Language as LuCI's folders name it; English without. */
	readonly language?: string;
}

const MENU = JSON.parse(
	readFileSync(join(LUCI_APP, "root/usr/share/luci/menu.d/luci-app-mqttd.json"), "utf8"),
) as Record<string, { title: string; action: { type: string; path?: string } }>;

/** Tabs of the menu, as LuCI shows those of one menu entry. */
function menu(view: string, translate: (text: string) => string): string {
	const items = Object.values(MENU).filter(({ action }) => action.type === "view");
	return items
		.map(({ title, action }) => {
			const className = action.path === `mqttd/${view}` ? ' class="active"' : "";
			return `<li${className}><a href="#">${translate(title)}</a></li>`;
		})
		.join("");
}

/** The page of a view. */
export function pageOf({ view, session, permission, language }: PageOptions): string {
	const template = [...collect(LUCI_APP).keys()];
	const catalogue = language === undefined ? null : catalogues(LUCI_APP).get(language);
	if (catalogue === undefined) throw new Error(`there is no catalogue of ${language}`);
	const texts = catalogue === null ? null : Object.fromEntries(catalogue);
	const settings = { view: `mqttd.${view}`, template, texts };
	return `<!DOCTYPE html>
<html lang="${language === undefined ? "en" : "zh-Hant"}" data-session="${session}" data-permission="${permission}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>OpenWrt</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/theme.css">
</head>
<body>
<header><a class="brand" href="#">OpenWrt</a></header>
<div id="maincontent" class="container">
<ul class="tabs">${menu(view, (text) => texts?.[text] ?? text)}</ul>
<div id="view"></div>
</div>
<div id="modal_overlay"><div class="modal" role="dialog" aria-modal="true"></div></div>
<script type="application/json" id="settings">${JSON.stringify(settings).replaceAll("<", "\\u003c")}</script>
<script src="/runtime.js"></script>
</body>
</html>
`;
}

/** A file to serve. */
export interface Served {
	readonly type: string;
	readonly content: Uint8Array | string;
}

let runtime: Uint8Array | null = null;

/** The file at a path below the root of the web server; null when there is none. */
export function fileOf(path: string): Served | null {
	if (path === "/runtime.js") {
		runtime ??= runtimeScript();
		return { type: TYPES.js!, content: runtime };
	}
	if (path === "/theme.css") return { type: TYPES.css!, content: readFileSync(join(HERE, "theme.css")) };
	const match = /^\/luci-static\/resources\/(?:view\/)?mqttd\/[a-z]+\.(js|css)$/.exec(path);
	if (match === null) return null;
	return { type: TYPES[match[1]!]!, content: readFileSync(join(LUCI_APP, "htdocs", path)) };
}
