/** LuCI's `E()` and `dom`. As there, a child that is a string and not in an array is HTML: what is hostile must not be one. */

import { BaseClass, check, isPlain, type Members } from "./class.ts";

/** Attributes whose presence counts: LuCI would switch them on with `false` too. */
const PRESENCE = ["disabled", "checked", "selected", "readonly", "open", "hidden", "required"];

/** Class instances that are bound to nodes. */
const bound = new WeakMap<Node, object>();

function setAttributes(node: Element, attributes: Members): void {
	for (const [name, value] of Object.entries(attributes)) {
		if (value === null || value === undefined) continue;
		check(!(value === false && PRESENCE.includes(name)), `${name} is false, which switches it on: use null`);
		if (typeof value === "function") node.addEventListener(name, value as EventListener);
		else if (typeof value === "object") node.setAttribute(name, JSON.stringify(value));
		else node.setAttribute(name, String(value));
	}
}

function append(node: Node, children: unknown): Node | null {
	if (children === null || children === undefined) return null;
	if (Array.isArray(children)) {
		for (const child of children) {
			check(!Array.isArray(child), "an array among the children of E() would be shown as text");
			check(child !== null && child !== undefined, "null among the children of E() would be shown as text");
			node.appendChild(child instanceof Node ? child : document.createTextNode(`${child}`));
		}
		return node.lastChild;
	}
	if (children instanceof Node) return node.appendChild(children);
	if (typeof children === "function") return append(node, children(node));
	check(typeof children !== "object", "a child is neither node, array nor text");
	check(node instanceof Element, "HTML can only go into an element");
	node.innerHTML = `${children}`;
	return node.lastChild;
}

/** `E(tag, attributes, children)`; `E(tag, children)`; `E([])` for a fragment. */
export function E(tag: unknown, second?: unknown, third?: unknown): Node {
	const attributes = isPlain(second) ? second : null;
	const children = attributes === null && second !== null && second !== undefined ? second : third;
	let node: Node;
	if (Array.isArray(tag)) {
		node = document.createDocumentFragment();
		for (const each of tag) node.appendChild(each instanceof Node ? each : E(each));
	} else if (tag instanceof Node) {
		node = tag;
	} else {
		check(typeof tag === "string" && /^[a-z][a-z0-9-]*$/.test(tag), `E(${String(tag)}): name an element`);
		check(tag !== "svg", "E() makes no SVG: document.createElementNS does");
		node = document.createElement(tag);
	}
	if (attributes !== null) {
		check(node instanceof Element, "a fragment has no attributes");
		setAttributes(node, attributes);
	}
	append(node, children);
	return node;
}

export const dom = {
	elem: (value: unknown): boolean => value instanceof Node,
	create: E,
	append,
	content(node: unknown, children: unknown): Node | null {
		check(node instanceof Node, "dom.content() takes a node");
		while (node.firstChild !== null) node.removeChild(node.firstChild);
		return append(node, children);
	},
	attr(node: unknown, name: unknown, value?: unknown): void {
		check(node instanceof Element, "dom.attr() takes an element");
		setAttributes(node, isPlain(name) ? name : { [String(name)]: value });
	},
	parent(node: unknown, selector: string): Element | null {
		check(node instanceof Element, "dom.parent() takes an element");
		return node.closest(selector);
	},
	bindClassInstance(node: Node, instance: object): void {
		check(instance instanceof BaseClass, "bindClassInstance() takes an instance of a class");
		bound.set(node, instance);
	},
	findClassInstance(node: Node | null): object | null {
		for (let at = node; at !== null; at = at.parentNode) {
			const found = bound.get(at);
			if (found !== undefined) return found;
		}
		return null;
	},
	callClassMethod(node: Node | null, method: string, ...args: unknown[]): unknown {
		const instance = dom.findClassInstance(node) as Members | null;
		const found = instance?.[method];
		return typeof found === "function" ? found.apply(instance, args) : null;
	},
};
