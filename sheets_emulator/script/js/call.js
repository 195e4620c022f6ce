// Calls the function that an execution is for, and keeps what became of it, a promise's outcome included.
(function (global) {
  var outcome = { error: 'the function returned a promise that was never settled' };
  function failed(error) {
    var text = error instanceof Error ? error.name + ': ' + error.message : String(error);
    outcome = { error: error && error.stack ? text + '\n' + error.stack.trim() : text };
  }
  global.__call = function (name, args) {
    var called = global[name];
    if (typeof called !== 'function') {
      outcome = { error: 'Script function not found: ' + name };
      return;
    }
    try {
      Promise.resolve(called.apply(null, args)).then(function (value) { outcome = { value: value }; }).catch(failed);
    } catch (error) {
      failed(error);
    }
  };
  global.__result = function () { return JSON.stringify(outcome); };
})(this);
