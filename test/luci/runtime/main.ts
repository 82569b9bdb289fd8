/**
 * A stand-in of LuCI's client side, for tests: it runs the views' files as they are, as LuCI's loader does, and knows
 * only what they use. Anything else throws, so that a wrong use of LuCI's interface fails the test.
 */

import { BaseClass, check, misuse, strict } from "./class.ts";
import { dom, E } from "./dom.ts";
import { FormMap } from "./form.ts";
import { GridSection, NamedSection, TableSection, TypedSection } from "./form-section.ts";
import {
	ButtonValue,
	DummyValue,
	DynamicListValue,
	Flag,
	ListValue,
	MultiValue,
	NetworkSelect,
	TextValue,
	Value,
} from "./form-value.ts";
import { installFormat } from "./format.ts";
import { poll } from "./poll.ts";
import { rpc } from "./rpc.ts";
import { _, setCatalogue } from "./translation.ts";
import { uci } from "./uci.ts";
import { L, ui } from "./ui.ts";

/** LuCI's view: shows what render() gives, with the buttons of a form where there is one. */
class View extends BaseClass {
	handleSave: ((event: Event) => Promise<unknown>) | null = () =>
		Promise.all(View.maps().map((map) => dom.callClassMethod(map, "save")));
	handleSaveApply: ((event: Event, mode: string) => Promise<unknown>) | null = async (event) => {
		await this.handleSave?.(event);
		await ui.changes.apply(true);
	};
	handleReset: ((event: Event) => Promise<unknown>) | null = () =>
		Promise.all(View.maps().map((map) => dom.callClassMethod(map, "reset")));

	constructor() {
		super();
		void this.__start__();
	}

	load(): unknown {
		return undefined;
	}

	render(_data: unknown): unknown {
		return misuse("a view has render()");
	}

	private static maps(): Element[] {
		return [...document.querySelectorAll("#maincontent .cbi-map")];
	}

	private async __start__(): Promise<void> {
		const place = document.getElementById("view")!;
		dom.content(place, E("div", { class: "spinning" }, [_("Loading view…")]));
		// The members of the view's own are there when its constructor is over.
		await Promise.resolve();
		for (const name of ["handleSave", "handleSaveApply", "handleReset"]) {
			const own: unknown = Object.getPrototypeOf(this)[name];
			if (own !== undefined) Object.assign(this, { [name]: own });
		}
		const nodes = await this.render(await this.load());
		dom.content(place, nodes);
		dom.append(place, this.addFooter());
		document.documentElement.dataset.shown = "true";
	}

	addFooter(): Node | null {
		const { handleSave, handleSaveApply, handleReset } = this;
		if (handleSave === null && handleSaveApply === null && handleReset === null) return null;
		const disabled = L.hasViewPermission() ? null : "";
		const button = (kind: string, text: string, handler: (...args: never[]) => unknown): Node => {
			// A form that does not take something has said so.
			const run = async (...args: never[]): Promise<void> => {
				try {
					await handler.apply(this, args);
				} catch (error) {
					if (!(error instanceof TypeError)) throw error;
				}
			};
			const className = `cbi-button cbi-button-${kind}`;
			return E("button", { class: className, disabled, click: ui.createHandlerFn(this, run) }, [text]);
		};
		return E("div", { class: "cbi-page-actions" }, [
			handleSaveApply && button("apply", _("Save & Apply"), handleSaveApply),
			" ",
			handleSave && button("save", _("Save"), handleSave),
			" ",
			handleReset && button("reset", _("Reset"), handleReset),
		]);
	}
}

/** What `'require …'` gives. */
const modules = new Map<string, unknown>(
	Object.entries({
		baseclass: BaseClass,
		dom: strict("dom", dom),
		form: strict("form", {
			Map: FormMap,
			NamedSection,
			TypedSection,
			TableSection,
			GridSection,
			Value,
			Flag,
			ListValue,
			DynamicList: DynamicListValue,
			MultiValue,
			TextValue,
			DummyValue,
			Button: ButtonValue,
		}),
		poll: strict("poll", poll),
		rpc: strict("rpc", rpc),
		"tools.widgets": strict("tools.widgets", { NetworkSelect }),
		uci: strict("uci", uci),
		ui,
		view: View,
	}),
);

const loading = new Map<string, Promise<unknown>>();

/** The directives at the beginning of a file. */
function directives(source: string): string[] {
	const found: string[] = [];
	const pattern = /\s*(?:\/\/[^\n]*\n|\/\*[\s\S]*?\*\/|(['"])((?:use strict|require [^'"]+))\1;?)/y;
	for (let match = pattern.exec(source); match !== null; match = pattern.exec(source)) {
		if (match[2] !== undefined) found.push(match[2]);
	}
	return found;
}

async function evaluate(name: string): Promise<unknown> {
	const url = `/luci-static/resources/${name.replaceAll(".", "/")}.js`;
	const response = await fetch(url);
	check(response.ok, `require ${name}: ${url} gave ${response.status}`);
	const source = await response.text();
	const names: string[] = [];
	const values: unknown[] = [];
	for (const text of directives(source)) {
		const match = /^require[ \t]+(\S+)(?:[ \t]+as[ \t]+([a-zA-Z_]\S*))?$/.exec(text);
		if (match === null) continue;
		names.push(match[2] ?? match[1]!.replace(/\W/g, "_"));
		values.push(await load(match[1]!));
	}
	// biome-ignore lint/security/noGlobalEval: as LuCI's loader does
	// biome-ignore lint/complexity/noCommaOperator: so it sees no names of this file
	const factory = (0, eval)(
		`(function(window, document, L${names.map((each) => `, ${each}`).join("")}) { ${source}\n})\n//# sourceURL=${url}`,
	);
	const Class = factory(window, document, L, ...values);
	check(typeof Class === "function" && Class.prototype instanceof BaseClass, `${name} gives no class`);
	return new Class();
}

function load(name: string): Promise<unknown> {
	const known = modules.get(name);
	if (known !== undefined) return Promise.resolve(known);
	let module = loading.get(name);
	if (module === undefined) {
		module = evaluate(name);
		loading.set(name, module);
	}
	return module;
}

installFormat();
Object.assign(window, { E, L, _ });
const settings = JSON.parse(document.getElementById("settings")?.textContent ?? "{}");
setCatalogue(settings.template, settings.texts);
void load(`view.${settings.view}`);
