// The help: a dialog of the browser's own, which closes by Esc and gives the focus back.
export class Help {
  #dialog = document.getElementById('help');
  constructor() {
    document.getElementById('help-open').addEventListener('click', () => this.toggle());
  }
  toggle() { this.#dialog.open ? this.#dialog.close() : this.#dialog.showModal(); }
  get open() { return this.#dialog.open; }
}
