// The door to the host: every service asks it by a name, with JSON in and JSON out.
(function (global) {
  var ask = global.__ask;
  delete global.__ask;
  global.__host = function (name) {
    var answer = JSON.parse(ask(name, JSON.stringify(Array.prototype.slice.call(arguments, 1))));
    if (answer.error !== undefined) {
      var error = new Error(answer.error);
      error.name = answer.name;
      throw error;
    }
    return answer.value;
  };
})(this);
