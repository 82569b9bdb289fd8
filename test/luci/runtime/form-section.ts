/** LuCI's form sections: NamedSection, TypedSection, TableSection, GridSection. */

import { check, type Members, settable } from "./class.ts";
import { dom, E } from "./dom.ts";
import { FormMap } from "./form.ts";
import type { Value } from "./form-value.ts";
import { _ } from "./translation.ts";
import { uci } from "./uci.ts";
import { ui } from "./ui.ts";
import { compile } from "./validation.ts";
import { element } from "./widgets.ts";

/** A class of options. */
export type ValueClass = new (
	map: FormMap,
	section: AbstractSection,
	option: string,
	title?: string,
	description?: string,
) => Value;

interface Tab {
	readonly name: string;
	readonly title: string;
	readonly description: string | undefined;
}

const SETTABLE = [
	"nodescriptions",
	"hidetitle",
	"rowcolors",
	"sortable",
	"max_cols",
	"novisible",
	"addbtntitle",
	"modaltitle",
	"sectiontitle",
	"removebtntitle",
	"handleRemove",
	"extedit",
	"filter",
];

export abstract class AbstractSection {
	readonly map: FormMap;
	readonly sectiontype: string;
	title: string;
	description: string;
	addremove = false;
	anonymous = false;
	optional = true;
	children: Value[] = [];
	tabs: Tab[] = [];

	constructor(map: FormMap, type: string, title: unknown = "", description: unknown = "") {
		check(typeof type === "string" && type !== "", "a section has a type");
		this.map = map;
		this.sectiontype = type;
		this.title = String(title ?? "");
		this.description = String(description ?? "");
		// biome-ignore lint/correctness/noConstructorReturn: what the view sets is looked at
		return settable(`the form section ${type}`, this, SETTABLE);
	}

	abstract cfgsections(): string[];
	abstract render(): Promise<Node>;

	filter(_section: string): boolean {
		return true;
	}

	tab(name: string, title: string, description?: string): void {
		check(!this.tabs.some((tab) => tab.name === name), `tab ${name} is there already`);
		this.tabs.push({ name, title, description });
	}

	option(Class: ValueClass, option: string, title?: string, description?: string): Value {
		check(typeof Class === "function", `option ${option}: what class?`);
		check(!this.children.some((child) => child.option === option), `option ${option} is there already`);
		const value = new Class(this.map, this, option, title, description);
		this.children.push(value);
		return value;
	}

	taboption(tab: string, Class: ValueClass, option: string, title?: string, description?: string): Value {
		check(
			this.tabs.some((each) => each.name === tab),
			`there is no tab ${tab}`,
		);
		const value = this.option(Class, option, title, description);
		value.tab = tab;
		return value;
	}

	async load(): Promise<void> {
		for (const id of this.cfgsections()) for (const child of this.children) await child.loadNow(id);
	}

	async parse(): Promise<void> {
		for (const id of this.cfgsections()) for (const child of this.children) await child.parse(id);
	}

	checkDepends(): boolean {
		let changed = false;
		for (const id of this.cfgsections())
			for (const child of this.children) if (child.updateActive(id)) changed = true;
		return changed;
	}

	/** All options of a section, in tabs if there are any. */
	protected async renderOptions(id: string): Promise<Node> {
		const shown = this.children.filter((child) => child.modalonly !== false || !this.inModal());
		if (this.tabs.length === 0)
			return E([...(await Promise.all(shown.map((child, at) => child.render(id, at, false))))]);
		const panes: Node[] = [];
		for (const { name, title, description } of this.tabs) {
			const options = shown.filter((child) => child.tab === name);
			const pane = E("div", {
				"data-tab": name,
				"data-tab-title": title,
				"data-tab-active": String(panes.length === 0),
			});
			if (description !== undefined) dom.append(pane, E("div", { class: "cbi-tab-descr" }, description));
			for (const [at, child] of options.entries()) dom.append(pane, await child.render(id, at, false));
			panes.push(pane);
		}
		return E(panes);
	}

	protected inModal(): boolean {
		return this.map.parent !== null;
	}

	protected frame(className = ""): HTMLElement {
		const frame = element(
			E("div", {
				id: `cbi-${this.map.config}-${this.sectiontype}`,
				class: `cbi-section${className}`,
				"data-tab": this.map.tabbed ? this.sectiontype : null,
				"data-tab-title": this.map.tabbed ? this.title || this.sectiontype : null,
			}),
		);
		// As LuCI does, both are HTML.
		if (this.title !== "") dom.append(frame, E("h3", {}, this.title));
		if (this.description !== "")
			dom.append(frame, E("div", { class: "cbi-section-descr" }, this.description));
		return frame;
	}

	protected node(id: string, options: Node): Node {
		const tabbed = this.tabs.length > 0 ? " cbi-section-node-tabbed" : "";
		return E(
			"div",
			{ id: `cbi-${this.map.config}-${id}`, class: `cbi-section-node${tabbed}`, "data-section-id": id },
			[options],
		);
	}
}

export class NamedSection extends AbstractSection {
	readonly section: string;

	constructor(map: FormMap, section: string, type: string, title?: string, description?: string) {
		super(map, type, title, description);
		this.section = section;
	}

	cfgsections(): string[] {
		return uci.get(this.map.config, this.section) === null ? [] : [this.section];
	}

	async render(): Promise<Node> {
		const frame = this.frame();
		for (const id of this.cfgsections()) dom.append(frame, this.node(id, await this.renderOptions(id)));
		return frame;
	}
}

export class TypedSection extends AbstractSection {
	addbtntitle: string | null = null;
	sectiontitle: ((section: string) => unknown) | null = null;
	modaltitle: string | ((section: string) => string) | null = null;

	cfgsections(): string[] {
		return uci
			.sections(this.map.config, this.sectiontype)
			.map((section) => section[".name"])
			.filter((id) => this.filter(id));
	}

	async handleAdd(_event: Event | null, name?: string): Promise<void> {
		uci.add(this.map.config, this.sectiontype, name);
		await this.map.save(null, true);
	}

	async handleRemove(id: string, _event: Event): Promise<void> {
		uci.remove(this.map.config, id);
		await this.map.save(null, true);
	}

	async render(): Promise<Node> {
		const frame = this.frame();
		const ids = this.cfgsections();
		for (const id of ids) {
			if (this.addremove)
				dom.append(frame, E("div", { class: "cbi-section-remove right" }, [this.removeButton(id)]));
			if (!this.anonymous) dom.append(frame, E("h3", {}, [id]));
			dom.append(frame, this.node(id, await this.renderOptions(id)));
		}
		if (ids.length === 0) dom.append(frame, E("em", {}, [_("This section contains no values yet")]));
		dom.append(frame, this.renderAdd());
		return frame;
	}

	protected removeButton(id: string): Node {
		const click = ui.createHandlerFn(this, "handleRemove", id);
		const disabled = this.map.readonly ? "" : null;
		return E("button", { class: "cbi-button cbi-button-remove", click, disabled }, [_("Delete")]);
	}

	protected renderAdd(): Node {
		if (!this.addremove) return E([]);
		const title = this.addbtntitle ?? _("Add");
		const disabled = this.map.readonly ? "" : null;
		if (this.anonymous) {
			const click = ui.createHandlerFn(this, "handleAdd");
			return E("div", { class: "cbi-section-create" }, [
				E("button", { class: "cbi-button cbi-button-add", click, disabled }, [title]),
			]);
		}
		const name = element(
			E("input", { type: "text", class: "cbi-section-create-name", disabled }),
		) as HTMLInputElement;
		const click = ui.createHandlerFn(this, (event: Event) => {
			const isValid = name.value !== "" && compile("uciname")(name.value) === null;
			name.classList.toggle("cbi-input-invalid", !isValid);
			return isValid ? this.handleAdd(event, name.value) : undefined;
		});
		const button = E("button", { class: "cbi-button cbi-button-add", click, disabled }, [title]);
		return E("div", { class: "cbi-section-create" }, [E("div", {}, [name]), button]);
	}
}

export class TableSection extends TypedSection {
	nodescriptions = false;

	override async render(): Promise<Node> {
		const frame = this.frame(" cbi-tblsection");
		const columns = this.children.filter((child) => child.modalonly !== true);
		const table = element(E("table", { class: "table cbi-section-table" }));
		const hasActions = this.addremove || this instanceof GridSection;
		const actions = hasActions ? E("th", { class: "th cbi-section-table-cell cbi-section-actions" }) : null;
		const named = !this.anonymous || this.sectiontitle !== null;
		const heads = columns.map((child) => E("th", { class: "th cbi-section-table-cell" }, [child.title]));
		const titles = { class: "tr cbi-section-table-titles", "data-title": named ? "Name" : null };
		dom.append(table, E("tr", titles, actions === null ? heads : [...heads, actions]));
		for (const id of this.cfgsections()) dom.append(table, await this.renderRow(id, columns, named));
		if (this.cfgsections().length === 0) {
			const text = E("em", {}, [_("This section contains no values yet")]);
			dom.append(
				table,
				E("tr", { class: "tr cbi-section-table-row placeholder" }, [E("td", { class: "td" }, [text])]),
			);
		}
		dom.append(frame, [table, this.renderAdd()]);
		return frame;
	}

	protected rowActions(id: string): Node[] {
		return this.addremove ? [this.removeButton(id)] : [];
	}

	protected cell(child: Value, id: string, at: number): Promise<Node> {
		return child.render(id, at, true);
	}

	private async renderRow(id: string, columns: readonly Value[], named: boolean): Promise<Node> {
		const title = this.sectiontitle === null ? id : this.sectiontitle(id);
		const cells = await Promise.all(columns.map((child, at) => this.cell(child, id, at)));
		const buttons = this.rowActions(id);
		const actions = E("td", { class: "td cbi-section-table-cell nowrap cbi-section-actions" }, [
			E("div", {}, buttons),
		]);
		return E(
			"tr",
			{
				class: "tr cbi-section-table-row",
				"data-sid": id,
				"data-section-id": id,
				"data-title": named ? title : null,
			},
			buttons.length > 0 ? [...cells, actions] : cells,
		);
	}
}

export class GridSection extends TableSection {
	private added: string | null = null;

	override async handleAdd(_event: Event | null, name?: string): Promise<void> {
		const id = uci.add(this.map.config, this.sectiontype, name);
		this.added = id;
		await this.openModal(id);
	}

	override async parse(): Promise<void> {
		for (const id of this.cfgsections()) {
			for (const child of this.children)
				if (child.editable && child.modalonly !== true) await child.parse(id);
		}
	}

	protected override cell(child: Value, id: string, at: number): Promise<Node> {
		if (child.editable) return child.render(id, at, true);
		const attributes = {
			class: "td cbi-value-field",
			"data-title": child.title || null,
			"data-name": child.option,
		};
		// As LuCI does, the text is HTML.
		return Promise.resolve(E("td", attributes, child.textvalue(id) ?? E("em", {}, [_("none")])));
	}

	protected override rowActions(id: string): Node[] {
		const click = ui.createHandlerFn(this, () => this.openModal(id));
		return [
			E("button", { class: "btn cbi-button cbi-button-edit", click }, [_("Edit")]),
			...super.rowActions(id),
		];
	}

	/** The dialogue with all options of one section. */
	async openModal(id: string): Promise<void> {
		const map = new FormMap(this.map.config);
		map.parent = this.map;
		map.readonly = this.map.readonly;
		const section = map.section(NamedSection, id, this.sectiontype) as NamedSection;
		section.tabs = this.tabs;
		for (const child of this.children) {
			if (child.modalonly === false) continue;
			const copy = section.option(
				child.constructor as ValueClass,
				child.option,
				child.title,
				child.description,
			);
			const own: Members = { ...child };
			for (const name of ["map", "section", "loaded", "widgets", "option", "title", "description"])
				delete own[name];
			Object.assign(copy, own);
		}
		const nodes = await map.render();
		const cancel = ui.createHandlerFn(this, () => {
			if (this.added !== null) uci.remove(this.map.config, this.added);
			this.added = null;
			ui.hideModal();
		});
		const save = ui.createHandlerFn(this, async () => {
			try {
				await map.save(null, true);
			} catch {
				return;
			}
			this.added = null;
			await this.map.load();
			await this.map.reset();
			ui.hideModal();
		});
		const title = typeof this.modaltitle === "function" ? this.modaltitle(id) : this.modaltitle;
		const disabled = this.map.readonly ? "" : null;
		ui.showModal(
			title ?? this.map.title,
			[
				nodes,
				E("div", { class: "button-row" }, [
					E("button", { class: "btn cbi-button", click: cancel }, [_("Dismiss")]),
					" ",
					E("button", { class: "cbi-button cbi-button-positive important", click: save, disabled }, [
						_("Save"),
					]),
				]),
			],
			"cbi-modal",
		);
	}
}
