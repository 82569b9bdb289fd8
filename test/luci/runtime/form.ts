/** LuCI's form.Map. */

import { BaseClass, check, type Members, settable } from "./class.ts";
import { dom, E } from "./dom.ts";
import type { AbstractSection } from "./form-section.ts";
import { uci } from "./uci.ts";
import { L, ui } from "./ui.ts";
import { element } from "./widgets.ts";

type SectionClass = new (map: FormMap, ...args: never[]) => AbstractSection;

export class FormMap extends BaseClass {
	readonly config: string;
	title: string;
	description: string;
	tabbed = false;
	readonly = !L.hasViewPermission();
	parent: FormMap | null = null;
	private readonly chained: string[];
	private readonly children: AbstractSection[] = [];
	private root: HTMLElement | null = null;

	constructor(config: unknown, title: unknown = "", description: unknown = "") {
		super();
		check(typeof config === "string" && config !== "", "form.Map() takes the name of a configuration");
		this.config = config;
		this.title = String(title ?? "");
		this.description = String(description ?? "");
		this.chained = [config];
		// biome-ignore lint/correctness/noConstructorReturn: what the view sets is looked at
		return settable("form.Map", this, []);
	}

	chain(config: string): void {
		this.chained.push(config);
	}

	section(Class: SectionClass, ...args: unknown[]): AbstractSection {
		check(typeof Class === "function", "section() takes a class");
		const section = new Class(this, ...(args as never[]));
		this.children.push(section);
		return section;
	}

	find(selector: string): HTMLElement | null {
		return this.root?.querySelector<HTMLElement>(selector) ?? null;
	}

	async load(): Promise<void> {
		await uci.load(this.chained);
		for (const section of this.children) await section.load();
	}

	async parse(): Promise<void> {
		for (const section of this.children) await section.parse();
	}

	/** Takes over what was entered, and sends it. Rejects when something is wrong, of which it then tells. */
	async save(callback?: unknown, silent = false): Promise<void> {
		this.checkDepends();
		try {
			await this.parse();
			if (typeof callback === "function") await callback();
			await uci.save();
			await this.load();
		} catch (error) {
			if (!silent) {
				const text = error instanceof Error ? error.message : String(error);
				ui.showModal("Save error", [
					E("p", {}, ["An error occurred while saving the form:"]),
					E("p", {}, [E("em", {}, [text])]),
					E("div", { class: "right" }, [
						E("button", { class: "cbi-button", click: ui.hideModal }, ["Dismiss"]),
					]),
				]);
			}
			throw error;
		}
		await this.renderContents();
	}

	reset(): Promise<Node> {
		return this.renderContents();
	}

	async render(): Promise<Node> {
		await this.load();
		return this.renderContents();
	}

	checkDepends(): void {
		for (let round = 0; round < 10; round++) {
			let changed = false;
			for (const section of this.children) if (section.checkDepends()) changed = true;
			if (!changed) break;
		}
		if (this.root !== null) ui.tabs.updateTabs(null, this.root);
	}

	private async renderContents(): Promise<Node> {
		this.root ??= element(E("div", { id: `cbi-${this.config}`, class: "cbi-map" }));
		const { root } = this;
		dom.bindClassInstance(root, this);
		const active = root.querySelector<HTMLElement>(".cbi-map-tabbed > [data-tab-active='true']")?.dataset.tab;
		const nodes: Node[] = [];
		for (const section of this.children) nodes.push(await section.render());
		dom.content(root, null);
		if (this.title !== "") dom.append(root, E("h2", { name: "content" }, this.title));
		if (this.description !== "") dom.append(root, E("div", { class: "cbi-map-descr" }, this.description));
		if (this.tabbed) {
			for (const node of nodes)
				if (element(node).dataset.tab === active) element(node).dataset.tabActive = "true";
			dom.append(root, E("div", { class: "cbi-map-tabbed" }, nodes));
		} else dom.append(root, nodes);
		this.checkDepends();
		for (const group of root.querySelectorAll(".cbi-map-tabbed, .cbi-section-node-tabbed")) {
			ui.tabs.initTabGroup([...group.children]);
		}
		return root;
	}
}

export type { Members };
