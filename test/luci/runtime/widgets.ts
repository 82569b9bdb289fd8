/** LuCI's input widgets, with their marks in the DOM. */

import { BaseClass, check, isPlain, onlyKeys } from "./class.ts";
import { dom, E } from "./dom.ts";
import { _ } from "./translation.ts";
import { compile } from "./validation.ts";

/** Text by value. */
export type Choices = Readonly<Record<string, unknown>>;

export interface WidgetOptions {
	readonly id?: string;
	readonly name?: string;
	readonly optional?: boolean;
	readonly datatype?: string | undefined;
	readonly validate?: ((value: string) => unknown) | undefined;
	readonly disabled?: boolean;
	readonly readonly?: boolean;
	readonly placeholder?: string | undefined;
	readonly password?: boolean;
	readonly sort?: readonly string[] | false;
	readonly size?: number;
	readonly widget?: string;
	readonly multiple?: boolean;
	readonly value_enabled?: string;
	readonly value_disabled?: string;
	readonly rows?: number;
	readonly cols?: number;
	readonly wrap?: boolean;
	readonly monospace?: boolean;
}

const COMMON = ["id", "name", "optional", "datatype", "validate", "disabled"];

export function element(node: Node): HTMLElement {
	check(node instanceof HTMLElement, "an element was expected");
	return node;
}

/** A widget: its frame has the class instance; the parts are its own. */
export abstract class AbstractElement extends BaseClass {
	protected node!: HTMLElement;
	protected readonly options: WidgetOptions;
	private state = true;
	private error = "";

	constructor(options: unknown, known: readonly string[]) {
		super();
		check(options === undefined || isPlain(options), "a widget's options are an object");
		const given = options ?? {};
		onlyKeys("a widget", given, [...COMMON, ...known]);
		this.options = { optional: true, ...given };
		if (this.options.datatype !== undefined) compile(this.options.datatype);
	}

	abstract render(): Node;
	abstract getValue(): unknown;
	abstract setValue(value: unknown): void;

	isValid(): boolean {
		return this.state;
	}

	getValidationError(): string {
		return this.error;
	}

	isChanged(): boolean {
		return this.node.dataset.changed === "true";
	}

	triggerValidation(): boolean {
		const before = this.state;
		this.validateNow();
		return before !== this.state;
	}

	/** Where an error is shown. */
	protected field(): HTMLElement {
		return this.node;
	}

	/** Values that are looked at one by one. */
	protected values(): string[] {
		return [this.getValue()].flat().map((value) => String(value ?? ""));
	}

	protected bind(frame: Node, input: HTMLElement, ...updates: string[]): Node {
		this.node = element(frame);
		for (const event of updates) input.addEventListener(event, () => this.validateNow());
		input.addEventListener("change", () => {
			this.node.dataset.changed = "true";
			this.validateNow();
			this.node.dispatchEvent(new CustomEvent("widget-change", { bubbles: true }));
		});
		dom.bindClassInstance(frame, this);
		return frame;
	}

	private validateNow(): void {
		const errors = this.values().map((value) => this.errorOf(value));
		this.error = errors.find((error) => error !== "") ?? "";
		this.state = this.error === "";
		this.mark(this.field(), this.error);
	}

	/** What is wrong with a value; empty when nothing is. As in LuCI, nothing is looked at without a data type or validate(). */
	protected errorOf(value: string): string {
		const { datatype, optional, validate } = this.options;
		if (datatype === undefined && validate === undefined) return "";
		if (value === "") {
			if (!optional) return `Expecting: ${_("non-empty value")}`;
		} else if (datatype !== undefined) {
			const wrong = compile(datatype)(value);
			if (wrong !== null) return wrong;
		}
		const answer = validate?.(value) ?? true;
		check(answer === true || typeof answer === "string", "validate() gives true or a text");
		return answer === true ? "" : answer;
	}

	/** Shows what is wrong with a field. */
	protected mark(field: HTMLElement, error: string): void {
		field.classList.toggle("cbi-input-invalid", error !== "");
		if (error === "") field.removeAttribute("data-tooltip");
		else field.setAttribute("data-tooltip", error);
	}
}

function checkRequired({ optional, datatype, validate }: WidgetOptions): void {
	const isLookedAt = datatype !== undefined || validate !== undefined;
	check(
		optional !== false || isLookedAt,
		"what must be filled in is looked at with a data type or validate() only",
	);
}

export class Textfield extends AbstractElement {
	private readonly value: unknown;

	constructor(value: unknown, options?: unknown) {
		super(options, ["password", "readonly", "placeholder"]);
		checkRequired(this.options);
		this.value = value;
	}

	render(): Node {
		const { id, name, placeholder, password = false, readonly = false, disabled = false } = this.options;
		const input = element(
			E("input", {
				id: id === undefined ? null : `widget.${id}`,
				name,
				type: password ? "password" : "text",
				autocomplete: password ? "new-password" : null,
				class: password ? "cbi-input-password" : "cbi-input-text",
				readonly: readonly ? "" : null,
				disabled: disabled ? "" : null,
				placeholder,
				value: this.value,
			}),
		) as HTMLInputElement;
		const reveal = (event: Event): void => {
			event.preventDefault();
			input.type = input.type === "password" ? "text" : "password";
		};
		const label = _("Reveal/hide password");
		const button = E("button", { class: "cbi-button cbi-button-neutral", title: label, click: reveal }, [
			"∗",
		]);
		const content = password ? E("div", { class: "control-group" }, [input, button]) : input;
		return this.bind(E("div", { id }, [content]), input, "keyup", "blur");
	}

	getValue(): string {
		return this.input().value;
	}

	setValue(value: unknown): void {
		this.input().value = String(value ?? "");
	}

	protected override field(): HTMLElement {
		return this.input();
	}

	private input(): HTMLInputElement {
		return this.node.querySelector("input")!;
	}
}

export class Textarea extends AbstractElement {
	private readonly value: unknown;

	constructor(value: unknown, options?: unknown) {
		super(options, ["readonly", "placeholder", "rows", "cols", "wrap", "monospace"]);
		checkRequired(this.options);
		this.value = value;
	}

	render(): Node {
		const {
			id,
			name,
			placeholder,
			rows,
			cols,
			monospace = false,
			disabled = false,
			readonly = false,
		} = this.options;
		const area = element(
			E("textarea", {
				id: id === undefined ? null : `widget.${id}`,
				name,
				class: "cbi-input-textarea",
				placeholder,
				rows,
				cols,
				style: `${cols === undefined ? "width:100%;" : ""}${monospace ? "font-family:monospace" : ""}`,
				disabled: disabled ? "" : null,
				readonly: readonly ? "" : null,
			}),
		) as HTMLTextAreaElement;
		area.value = String(this.value ?? "");
		return this.bind(E("div", { id, style: "width:100%" }, [area]), area, "keyup", "blur");
	}

	getValue(): string {
		return this.node.querySelector("textarea")!.value;
	}

	setValue(value: unknown): void {
		this.node.querySelector("textarea")!.value = String(value ?? "");
	}

	protected override field(): HTMLElement {
		return this.node.querySelector("textarea")!;
	}
}

let checkboxes = 0;

/** As LuCI's, it has an identifier of its own, which nobody knows before. */
export class Checkbox extends AbstractElement {
	private readonly value: unknown;

	constructor(value: unknown, options?: unknown) {
		super(options, ["value_enabled", "value_disabled"]);
		this.value = value;
	}

	render(): Node {
		const { id, name, disabled = false, value_enabled: on = "1" } = this.options;
		const input = element(
			E("input", {
				id: `cb${(++checkboxes).toString(16).padStart(8, "0")}`,
				"data-widget-id": id === undefined ? null : `widget.${id}`,
				name,
				type: "checkbox",
				value: on,
				checked: String(this.value) === on ? "" : null,
				disabled: disabled ? "" : null,
			}),
		);
		return this.bind(
			E("div", { id, class: "cbi-checkbox" }, [input, E("label", { for: input.id })]),
			input,
			"click",
			"blur",
		);
	}

	isChecked(): boolean {
		return this.node.querySelector("input")!.checked;
	}

	getValue(): string {
		const { value_enabled: on = "1", value_disabled: off = "0" } = this.options;
		return this.isChecked() ? on : off;
	}

	setValue(value: unknown): void {
		this.node.querySelector("input")!.checked = String(value) === (this.options.value_enabled ?? "1");
	}
}

function checkChoices(choices: unknown): asserts choices is Choices {
	check(isPlain(choices), "choices are an object");
}

export class Select extends AbstractElement {
	private readonly value: unknown;
	private readonly choices: Choices;

	constructor(value: unknown, choices: unknown, options?: unknown) {
		super(options, ["sort", "size", "widget", "multiple", "placeholder"]);
		checkChoices(choices);
		check(this.options.multiple !== true, "the stand-in's Select takes one value");
		this.value = value;
		this.choices = choices;
	}

	render(): Node {
		const { id, name, optional, placeholder, disabled = false, sort } = this.options;
		const keys = Array.isArray(sort) ? [...sort] : Object.keys(this.choices);
		if (optional && !keys.includes("")) keys.unshift("");
		const options = keys.map((key) =>
			E("option", { value: key, selected: String(this.value ?? "") === key ? "" : null }, [
				String(this.choices[key] ?? (key === "" ? (placeholder ?? _("-- Please choose --")) : key)),
			]),
		);
		const select = element(
			E(
				"select",
				{
					id: id === undefined ? null : `widget.${id}`,
					name,
					class: "cbi-input-select",
					disabled: disabled ? "" : null,
				},
				options,
			),
		);
		return this.bind(E("div", { id }, [select]), select, "change", "blur");
	}

	getValue(): string {
		return this.node.querySelector("select")!.value;
	}

	setValue(value: unknown): void {
		this.node.querySelector("select")!.value = String(value ?? "");
	}

	protected override field(): HTMLElement {
		return this.node.querySelector("select")!;
	}
}
