/** LuCI's ui: dialogues, notices, tabs, handlers of buttons, and the widgets. */

import { check, isPlain, type Members, misuse, strict } from "./class.ts";
import { dom, E } from "./dom.ts";
import { Dropdown, DynamicList } from "./lists.ts";
import { rpc } from "./rpc.ts";
import { _ } from "./translation.ts";
import { uci } from "./uci.ts";
import { Checkbox, element, Select, Textarea, Textfield } from "./widgets.ts";

/** Classes that a dialogue or a notice may have. */
function addClasses(node: HTMLElement, classes: readonly unknown[]): void {
	for (const each of classes) {
		check(typeof each === "string" && /^[\w-]+$/.test(each), "a class is one word");
		node.classList.add(each);
	}
}

function overlay(): HTMLElement {
	const found = document.getElementById("modal_overlay");
	check(found !== null, "the page has no overlay");
	return found;
}

const tabs = {
	/** Makes tabs of elements that have data-tab and data-tab-title. */
	initTabGroup(panes: unknown): void {
		const list = panes instanceof NodeList ? [...panes] : panes;
		check(Array.isArray(list) && list.length > 0, "initTabGroup() takes the panes");
		const elements = list.map((pane) => element(pane as Node));
		const [first] = elements;
		const group = first?.parentElement;
		check(group !== null && group !== undefined, "panes stand in an element");
		const menu = element(E("ul", { class: "cbi-tabmenu" }));
		let active = elements.find((pane) => pane.dataset.tabActive === "true") ?? first!;
		const show = (): void => {
			for (const pane of elements) pane.dataset.tabActive = String(pane === active);
			for (const item of menu.children) {
				const isActive = element(item).dataset.tab === active.dataset.tab;
				item.className = isActive ? "cbi-tab" : "cbi-tab-disabled";
			}
		};
		for (const pane of elements) {
			const { tab, tabTitle } = pane.dataset;
			check(tab !== undefined && tabTitle !== undefined, "a pane has data-tab and data-tab-title");
			const click = (event: Event): void => {
				event.preventDefault();
				active = pane;
				show();
				pane.dispatchEvent(new CustomEvent("cbi-tab-active", { detail: { tab } }));
			};
			menu.appendChild(E("li", { "data-tab": tab }, [E("a", { href: "#", click }, [tabTitle])]));
		}
		check(group.parentElement !== null, "initTabGroup(): the panes stand in the page already");
		group.parentElement.insertBefore(menu, group);
		show();
	},
	/** Tells how many fields of a tab that is not shown are wrong. */
	updateTabs(_event: unknown, root: ParentNode): void {
		for (const item of root.querySelectorAll<HTMLElement>(".cbi-tabmenu > li")) {
			const pane = item.parentElement?.nextElementSibling?.querySelector(
				`:scope > [data-tab="${item.dataset.tab}"]`,
			);
			const count = pane?.querySelectorAll(".cbi-input-invalid").length ?? 0;
			if (count > 0) item.dataset.errors = String(count);
			else delete item.dataset.errors;
		}
	},
};

const changes = {
	/** As LuCI's: applies what was saved, and loads the page anew. */
	async apply(checked: unknown): Promise<void> {
		check(typeof checked === "boolean", "changes.apply() takes whether to roll back");
		await uci.apply();
		location.reload();
	},
};

export const ui = strict("ui", {
	Checkbox: strict("ui.Checkbox", Checkbox),
	DynamicList,
	Dropdown,
	Select,
	Textarea,
	Textfield,
	tabs: strict("ui.tabs", tabs),
	changes: strict("ui.changes", changes),
	showModal(title: unknown, children: unknown, ...classes: unknown[]): Node {
		check(title === null || typeof title === "string", "showModal(): a title, or null");
		const dialogue = element(overlay().firstElementChild!);
		dialogue.className = "modal";
		addClasses(dialogue, classes);
		// As LuCI does, the title is HTML.
		dom.content(dialogue, title === null ? null : E("h4", {}, title));
		dom.append(dialogue, children);
		document.body.classList.add("modal-overlay-active");
		return dialogue;
	},
	hideModal(): void {
		// As LuCI does, with what it shows left in place.
		document.body.classList.remove("modal-overlay-active");
	},
	addNotification(title: unknown, children: unknown, ...classes: unknown[]): Node {
		check(title === null || typeof title === "string", "addNotification(): a title, or null");
		const close = (event: Event): void => {
			element(event.target as Node)
				.closest(".alert-message")
				?.remove();
		};
		const text = E("div", { style: "flex:10" });
		const button = E("button", { class: "btn", style: "margin-left:auto;margin-top:auto", click: close }, [
			_("Dismiss"),
		]);
		const notice = element(
			E("div", { class: "alert-message fade-in", style: "display:flex" }, [
				text,
				E("div", { style: "flex:1 1 auto;display:flex" }, [button]),
			]),
		);
		addClasses(notice, classes);
		if (title !== null) dom.append(text, [E("h4", {}, title)]);
		dom.append(text, children);
		const main = document.getElementById("maincontent")!;
		main.insertBefore(notice, main.firstElementChild);
		return notice;
	},
	/** A handler that switches its button off, and shows that it works, until what it returns is settled. */
	createHandlerFn(context: unknown, handler: unknown, ...args: unknown[]): (event: Event) => unknown {
		const call = typeof handler === "string" ? (context as Members)[handler] : handler;
		check(typeof call === "function", `createHandlerFn(): ${String(handler)} is no function`);
		return (event) => {
			const target = event.currentTarget as HTMLElement;
			target.classList.add("spinning");
			if (target instanceof HTMLButtonElement) target.disabled = true;
			target.blur();
			return Promise.resolve(call.apply(context, [...args, event])).finally(() => {
				target.classList.remove("spinning");
				if (target instanceof HTMLButtonElement) target.disabled = false;
			});
		};
	},
});

/** The functions of `L` that views use. */
export const L = strict("L", {
	env: strict("L.env", { scriptname: "/cgi-bin/luci", resource: "/luci-static/resources" }),
	bind: (call: (...args: unknown[]) => unknown, context: unknown, ...args: unknown[]) =>
		call.bind(context, ...args),
	isObject: (value: unknown): boolean => value !== null && typeof value === "object",
	toArray(value: unknown): unknown[] {
		if (value === null || value === undefined) return [];
		if (Array.isArray(value)) return value;
		if (typeof value === "object") return [value];
		return String(value)
			.split(/\s+/)
			.filter((word) => word !== "");
	},
	url: (...parts: string[]): string => ["/cgi-bin/luci", ...parts].join("/"),
	resource: (...parts: string[]): string => ["/luci-static/resources", ...parts].join("/"),
	/** True for reading and writing, false for reading only. */
	hasViewPermission: (): boolean => document.documentElement.dataset.permission === "write",
	resolveDefault(promise: unknown, value: unknown): Promise<unknown> {
		return Promise.resolve(promise).catch((error: unknown) => {
			// What the test must see is no error of the call.
			if (error instanceof Error && error.name === "MisuseError") throw error;
			return value;
		});
	},
	raise: (type: unknown, text: unknown): never => misuse(`${String(type)}: ${String(text)}`),
});

export { isPlain, rpc };
