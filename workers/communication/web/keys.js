// Keys: one each, without modifiers, and never while something is being typed or chosen.
export function listen(actions, isBusy) {
  addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const inField = event.target.closest?.('select, input, textarea');
    const action = actions[event.key];
    if (!action || inField || (isBusy() && event.key !== '?')) return;
    event.preventDefault();
    action();
  });
}
