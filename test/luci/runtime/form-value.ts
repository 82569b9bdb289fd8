/** LuCI's form options: Value, Flag, ListValue, DynamicList, MultiValue, TextValue, DummyValue, Button. */

import { check, type Members, settable } from "./class.ts";
import { dom, E } from "./dom.ts";
import type { FormMap } from "./form.ts";
import type { AbstractSection } from "./form-section.ts";
import { escapeHtml } from "./format.ts";
import { Dropdown, DynamicList } from "./lists.ts";
import { _ } from "./translation.ts";
import { uci } from "./uci.ts";
import { ui } from "./ui.ts";
import { type AbstractElement, Checkbox, element, Select, Textarea, Textfield } from "./widgets.ts";

/** What views may set on an option, beside the methods. */
const SETTABLE = [
	"cfgvalue",
	"textvalue",
	"inputstyle",
	"inputtitle",
	"onclick",
	"modalonly",
	"editable",
	"width",
	"rows",
	"cols",
	"wrap",
	"monospace",
	"rawhtml",
	"ucioption",
	"ucisection",
	"retain",
	"tab",
	"nocreate",
	"multiple",
	"filter",
	"onchange",
	"widget",
	"size",
	"create",
	"display_size",
	"dropdown_size",
	"optional",
];

type Written = string | string[];

function same(a: unknown, b: unknown): boolean {
	return JSON.stringify(a ?? null) === JSON.stringify(b ?? null);
}

export class Value {
	readonly map: FormMap;
	readonly section: AbstractSection;
	readonly option: string;
	title: string;
	description: string;
	datatype: string | undefined = undefined;
	default: unknown = null;
	placeholder: string | undefined = undefined;
	rmempty = true;
	optional = false;
	readonly: boolean | undefined = undefined;
	password = false;
	forcewrite = false;
	modalonly: boolean | null = null;
	editable = false;
	ucioption: string | null = null;
	tab: string | null = null;
	monospace = false;
	rows: number | undefined = undefined;
	keylist: string[] = [];
	vallist: string[] = [];
	deps: Members[] = [];
	/** Values as loaded, and the widgets as shown, by section. */
	protected readonly loaded: Map<string, unknown> = new Map();
	protected readonly widgets: Map<string, AbstractElement> = new Map();

	constructor(map: FormMap, section: AbstractSection, option: string, title = "", description = "") {
		check(typeof option === "string" && /^[A-Za-z0-9_]+$/.test(option), `an option's name: ${option}`);
		check(typeof title === "string" && typeof description === "string", "title and description are texts");
		this.map = map;
		this.section = section;
		this.option = option;
		this.title = title;
		this.description = description;
		// biome-ignore lint/correctness/noConstructorReturn: what the view sets is looked at
		return settable(`the form option ${option}`, this, SETTABLE);
	}

	value(key: unknown, text?: unknown): void {
		this.keylist.push(String(key));
		this.vallist.push(String(text ?? key));
	}

	depends(field: unknown, value?: unknown): void {
		this.deps.push(typeof field === "string" ? { [field]: value } : (field as Members));
	}

	id(section: string): string {
		return `cbid.${this.map.config}.${section}.${this.option}`;
	}

	async loadNow(section: string): Promise<void> {
		this.loaded.set(section, await this.load(section));
	}

	load(section: string): unknown {
		return uci.get(this.map.config, section, this.ucioption ?? this.option);
	}

	cfgvalue(section: string): unknown {
		return this.loaded.get(section) ?? null;
	}

	formvalue(section: string): unknown {
		return this.widgets.get(section)?.getValue() ?? null;
	}

	/** HTML, as in LuCI. */
	textvalue(section: string): unknown {
		const value = this.cfgvalue(section) ?? this.default;
		if (value === null) return null;
		return escapeHtml([value].flat().join(" "));
	}

	validate(_section: string, _value: unknown): unknown {
		return true;
	}

	isActive(section: string): boolean {
		const field = this.map.find(`[data-field="${this.id(section)}"]`);
		return field !== null && !field.classList.contains("hidden");
	}

	isSatisfied(section: string): boolean {
		if (this.deps.length === 0) return true;
		return this.deps.some((dependency) =>
			Object.entries(dependency).every(([name, wanted]) => {
				const other = this.section.children.find((child) => child.option === name);
				check(other !== undefined, `${this.option} depends on ${name}, which is not there`);
				return other.isActive(section) && same(other.formvalue(section), wanted);
			}),
		);
	}

	/** Whether it became shown or hidden. */
	updateActive(section: string): boolean {
		const field = this.map.find(`[data-field="${this.id(section)}"]`);
		if (field === null) return false;
		const hide = !this.isSatisfied(section);
		if (field.classList.contains("hidden") === hide) return false;
		field.classList.toggle("hidden", hide);
		return true;
	}

	isValid(section: string): boolean {
		const widget = this.widgets.get(section);
		widget?.triggerValidation();
		return widget?.isValid() ?? true;
	}

	async parse(section: string): Promise<void> {
		const isActive = this.isActive(section);
		if (isActive && !this.isValid(section)) {
			const error = this.widgets.get(section)?.getValidationError();
			throw new TypeError(`Option "${this.title}" contains an invalid input value. ${error}`);
		}
		const value = isActive ? this.formvalue(section) : null;
		const isEmpty = value === null || value === "" || (Array.isArray(value) && value.length === 0);
		if (!isEmpty) {
			if (this.forcewrite || !same(this.cfgvalue(section), value))
				await this.write(section, value as Written);
		} else if (isActive && !this.rmempty && !this.optional) {
			throw new TypeError(`Option "${this.title}" must not be empty.`);
		} else if (this.cfgvalue(section) !== null) await this.remove(section);
	}

	write(section: string, value: Written): unknown {
		return uci.set(this.map.config, section, this.ucioption ?? this.option, value);
	}

	remove(section: string): unknown {
		return uci.unset(this.map.config, section, this.ucioption ?? this.option);
	}

	protected choices(): Record<string, string> {
		return Object.fromEntries(this.keylist.map((key, at) => [key, this.vallist[at] ?? key]));
	}

	protected common(section: string): Members {
		return {
			id: this.id(section),
			optional: this.optional || this.rmempty,
			datatype: this.datatype,
			validate: (value: string) => this.validate(section, value),
			disabled: this.readonly ?? this.map.readonly,
		};
	}

	protected makeWidget(section: string, value: unknown): AbstractElement {
		check(this.keylist.length === 0, "the stand-in's Value has no choices: use ListValue");
		const text = Array.isArray(value) ? value.join(" ") : value;
		return new Textfield(text, {
			...this.common(section),
			password: this.password,
			placeholder: this.placeholder,
		});
	}

	/** A node to show. */
	renderWidget(section: string, _index: number, value: unknown): Node {
		const widget = this.makeWidget(section, value ?? this.default);
		this.widgets.set(section, widget);
		return widget.render();
	}

	async render(section: string, index: number, inTable: boolean): Promise<Node> {
		const widget = await this.renderWidget(section, index, this.cfgvalue(section));
		const id = this.id(section);
		const widgetId = `widget.${id}`;
		let frame: HTMLElement;
		if (inTable) {
			const inner = E("div", { "data-field": id, id: id.replace("cbid.", "cbi-").replaceAll(".", "-") }, [
				widget,
			]);
			frame = element(
				E("td", { class: "td cbi-value-field", "data-title": this.title, "data-name": this.option }, [inner]),
			);
		} else {
			frame = element(E("div", { class: "cbi-value", "data-field": id, "data-name": this.option }));
			const press = (): void => frame.querySelector<HTMLElement>(`[data-widget-id="${widgetId}"]`)?.click();
			if (this.title !== "")
				dom.append(
					frame,
					E("label", { class: "cbi-value-title", for: widgetId, click: press }, [this.title]),
				);
			const field = E("div", { class: "cbi-value-field" }, [widget]);
			dom.append(frame, field);
			// As LuCI does, the description is HTML.
			if (this.description !== "")
				dom.append(field, [E("div", { class: "cbi-value-description" }, this.description)]);
		}
		if (this.deps.length > 0) (inTable ? element(frame.firstElementChild!) : frame).classList.add("hidden");
		frame.addEventListener("widget-change", () => this.map.checkDepends());
		return frame;
	}
}

export class Flag extends Value {
	enabled = "1";
	disabled = "0";

	constructor(...args: ConstructorParameters<typeof Value>) {
		super(...args);
		this.default = "0";
	}

	override textvalue(section: string): unknown {
		return (this.cfgvalue(section) ?? this.default) === this.enabled ? _("Yes") : _("No");
	}

	override async parse(section: string): Promise<void> {
		if (!this.isActive(section)) {
			if (this.cfgvalue(section) !== null) await this.remove(section);
			return;
		}
		const value = String(this.formvalue(section));
		if (value === this.default && (this.optional || this.rmempty)) {
			if (this.cfgvalue(section) !== null) await this.remove(section);
		} else if (value !== this.cfgvalue(section)) await this.write(section, value);
	}

	protected override makeWidget(section: string, value: unknown): AbstractElement {
		const { datatype: _type, ...common } = this.common(section);
		return new Checkbox(value, { ...common, value_enabled: this.enabled, value_disabled: this.disabled });
	}
}

export class ListValue extends Value {
	protected override makeWidget(section: string, value: unknown): AbstractElement {
		const { datatype: _type, ...common } = this.common(section);
		return new Select(value, this.choices(), {
			...common,
			optional: this.optional,
			sort: this.keylist,
			placeholder: this.placeholder,
		});
	}
}

/** A list; no space parts its values. */
export class DynamicListValue extends Value {
	protected override makeWidget(section: string, value: unknown): AbstractElement {
		const known = this.keylist.length > 0 ? this.choices() : null;
		return new DynamicList(value, known, { ...this.common(section), placeholder: this.placeholder });
	}
}

export class MultiValue extends Value {
	protected override makeWidget(section: string, value: unknown): AbstractElement {
		const { datatype: _type, ...common } = this.common(section);
		return new Dropdown(value, this.choices(), {
			...common,
			multiple: true,
			select_placeholder: this.placeholder,
		});
	}
}

export class TextValue extends Value {
	protected override makeWidget(section: string, value: unknown): AbstractElement {
		return new Textarea(value, {
			...this.common(section),
			rows: this.rows,
			monospace: this.monospace,
			placeholder: this.placeholder,
		});
	}
}

/** Shows, and writes nothing. */
export class DummyValue extends Value {
	rawhtml = false;

	override renderWidget(section: string, _index: number, value: unknown): Node {
		const text = value ?? this.default;
		const shown = this.rawhtml ? String(text ?? "") : escapeHtml(String(text ?? ""));
		return E("div", { id: this.id(section) }, [E("output", {}, shown)]);
	}

	override async parse(): Promise<void> {}
}

export class ButtonValue extends Value {
	inputtitle: string | null = null;
	inputstyle: string | null = null;
	onclick: ((event: Event, section: string) => unknown) | null = null;

	override renderWidget(section: string): Node {
		const { onclick } = this;
		check(onclick !== null, "a Button of the stand-in has onclick");
		const click = ui.createHandlerFn(this, (event: Event) => onclick.call(this, event, section));
		const className = `cbi-button cbi-button-${this.inputstyle ?? "button"}`;
		const disabled = (this.readonly ?? this.map.readonly) ? "" : null;
		return E("div", {}, [
			E("button", { class: className, click, disabled }, [this.inputtitle ?? this.title]),
		]);
	}

	override async parse(): Promise<void> {}
}

/** LuCI's choice of a network, from tools.widgets. */
export class NetworkSelect extends ListValue {
	nocreate = false;
	multiple = false;

	override async loadNow(section: string): Promise<void> {
		await uci.load("network");
		this.keylist = [];
		this.vallist = [];
		for (const each of uci.sections("network", "interface")) this.value(each[".name"]);
		await super.loadNow(section);
	}

	protected override makeWidget(section: string, value: unknown): AbstractElement {
		const { datatype: _type, ...common } = this.common(section);
		return new Select(value, this.choices(), { ...common, optional: true, placeholder: "unspecified" });
	}
}
