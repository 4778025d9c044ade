// The guide works without this file. It adds a search over all pages ("/" goes
// there, arrows choose, Enter opens) and says how many entries a filter shows.
"use strict";
(() => {
	const root = document.currentScript?.dataset.root ?? "";

	for (const form of document.querySelectorAll(".filters")) {
		const said = form.querySelector("output");
		const say = () => {
			const all = document.querySelectorAll(".group > .entries > li");
			const shown = [...all].filter((e) => e.offsetParent !== null).length;
			said.textContent = shown < all.length ? `${shown} of ${all.length} shown` : "";
		};
		form.addEventListener("change", say);
		form.addEventListener("reset", () => setTimeout(say));
		say();
	}

	const box = document.querySelector(".search");
	if (!box) return;
	const input = box.querySelector("input");
	const list = document.createElement("ul");
	list.id = "found";
	list.hidden = true;
	list.setAttribute("role", "listbox");
	list.setAttribute("aria-label", "Pages found");
	box.append(list);
	box.hidden = false;
	input.placeholder = "Search  /";
	for (const [name, value] of Object.entries({ role: "combobox", "aria-expanded": "false", "aria-controls": "found", "aria-autocomplete": "list" })) {
		input.setAttribute(name, value);
	}

	let pages = null;
	let chosen = -1;
	let asked = false;
	// A page opened from a disk may fetch nothing, but may run its neighbour.
	window.guideFound = (found) => {
		pages = found;
		search();
	};
	const load = () => {
		if (asked) return;
		asked = true;
		const script = document.createElement("script");
		script.src = root + "search.js";
		document.head.append(script);
	};

	const score = (page, words) => {
		const title = page.t.toLowerCase(), lead = page.l.toLowerCase(), text = page.x.toLowerCase();
		let sum = 0;
		for (const w of words) {
			const begins = title.startsWith(w) || title.includes(" " + w) || page.p.includes("/" + w);
			const s = begins ? 12 : title.includes(w) || page.p.includes(w) ? 8 : lead.includes(w) ? 3 : text.includes(w) ? 1 : 0;
			if (s === 0) return 0;
			sum += s;
		}
		return sum + (page.k === "Threat" || page.k === "Control" || page.k === "Incident" ? 0 : 1);
	};

	// snippet shows the first place where a word stands, or how the page begins.
	const snippet = (page, words) => {
		const within = (s) => words.some((w) => s.toLowerCase().includes(w));
		const hit = within(page.l) || within(page.t) ? page.l : page.x;
		const places = words.map((w) => hit.toLowerCase().indexOf(w)).filter((i) => i >= 0);
		const at = places.length > 0 ? Math.max(0, Math.min(...places) - 40) : 0;
		const start = at > 0 ? hit.indexOf(" ", at) + 1 : 0;
		const cut = (start > 0 ? "… " : "") + hit.slice(start === 0 && at > 0 ? at : start).slice(0, 130);
		const p = document.createElement("p");
		let rest = cut;
		while (rest) {
			const next = words.map((w) => [rest.toLowerCase().indexOf(w), w]).filter(([i]) => i >= 0).sort((a, b) => a[0] - b[0]);
			if (next.length === 0) break;
			const [i, w] = next[0];
			const mark = document.createElement("mark");
			mark.textContent = rest.slice(i, i + w.length);
			p.append(rest.slice(0, i), mark);
			rest = rest.slice(i + w.length);
		}
		p.append(rest + (cut.length >= 130 ? " …" : ""));
		return p;
	};

	const choose = (i) => {
		const items = list.children;
		if (items.length === 0 || !items[0].dataset.href) return;
		chosen = (i + items.length) % items.length;
		for (const [j, item] of [...items].entries()) item.setAttribute("aria-selected", String(j === chosen));
		items[chosen].scrollIntoView({ block: "nearest" });
		input.setAttribute("aria-activedescendant", items[chosen].id);
	};

	const close = () => {
		list.hidden = true;
		input.setAttribute("aria-expanded", "false");
		input.removeAttribute("aria-activedescendant");
	};

	const search = () => {
		const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
		list.replaceChildren();
		chosen = -1;
		if (words.length === 0 || !pages) return close();
		const hits = pages.map((page) => [score(page, words), page]).filter(([s]) => s > 0).sort((a, b) => b[0] - a[0]).slice(0, 12);
		for (const [i, [, page]] of hits.entries()) {
			const item = document.createElement("li");
			item.id = "found-" + i;
			item.setAttribute("role", "option");
			item.dataset.href = root + page.p;
			const title = document.createElement("b");
			title.textContent = page.t;
			const kind = document.createElement("span");
			kind.textContent = " " + page.k;
			item.append(title, kind, snippet(page, words));
			item.addEventListener("mousedown", (e) => { e.preventDefault(); location.href = item.dataset.href; close(); });
			list.append(item);
		}
		if (hits.length === 0) {
			const none = document.createElement("li");
			none.setAttribute("role", "option");
			none.textContent = "Nothing found. Try fewer or shorter words.";
			list.append(none);
		}
		list.hidden = false;
		input.setAttribute("aria-expanded", "true");
		choose(0);
	};

	input.addEventListener("focus", () => { load(); search(); });
	input.addEventListener("input", search);
	input.addEventListener("blur", close);
	input.addEventListener("keydown", (e) => {
		if (e.key === "ArrowDown" || e.key === "ArrowUp") {
			e.preventDefault();
			choose(chosen + (e.key === "ArrowDown" ? 1 : -1));
		} else if (e.key === "Enter" && list.children[chosen]?.dataset.href) {
			location.href = list.children[chosen].dataset.href;
			close();
		} else if (e.key === "Escape") {
			input.value = "";
			close();
			input.blur();
		}
	});
	document.addEventListener("keydown", (e) => {
		if (e.key === "/" && !e.ctrlKey && !e.metaKey && !e.altKey && !/^(input|textarea|select)$/i.test(document.activeElement?.tagName ?? "")) {
			e.preventDefault();
			input.focus();
			input.select();
		}
	});
})();
