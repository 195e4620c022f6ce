// SpreadsheetApp, ScriptApp, and the objects that events carry.
(function (global) {
  var host = global.__host;

  function Spreadsheet(id) { this._id = id; }
  Spreadsheet.prototype = {
    _head: function () { return host('book.head', this._id); },
    getId: function () { return this._id; },
    getName: function () { return this._head().title; },
    getUrl: function () { return 'https://docs.google.com/spreadsheets/d/' + this._id + '/edit'; },
    getSpreadsheetTimeZone: function () { return this._head().zone; },
    getSpreadsheetLocale: function () { return this._head().locale; },
    getSheets: function () {
      var book = this;
      return this._head().sheets.map(function (sheet) { return new Sheet(book, sheet.id); });
    },
    getNumSheets: function () { return this._head().sheets.length; },
    getSheetByName: function (name) {
      var found = this._head().sheets.filter(function (sheet) { return sheet.title === name; })[0];
      return found ? new Sheet(this, found.id) : null;
    },
    getSheetById: function (id) {
      var found = this._head().sheets.filter(function (sheet) { return sheet.id === id; })[0];
      return found ? new Sheet(this, found.id) : null;
    },
    getActiveSheet: function () { return new Sheet(this, host('book.activeSheet', this._id)); },
    getRange: function (a1) { return namedRange(this, a1); },
    toString: function () { return 'Spreadsheet'; }
  };

  function Sheet(book, id) { this._book = book; this._id = id; }
  Sheet.prototype = {
    _head: function () { return host('sheet.head', this._book._id, this._id); },
    getParent: function () { return this._book; },
    getSheetId: function () { return this._id; },
    getName: function () { return this._head().title; },
    getSheetName: function () { return this._head().title; },
    getIndex: function () { return this._head().index + 1; },
    isSheetHidden: function () { return this._head().hidden; },
    getMaxRows: function () { return this._head().rows; },
    getMaxColumns: function () { return this._head().columns; },
    getFrozenRows: function () { return this._head().frozenRows; },
    getFrozenColumns: function () { return this._head().frozenColumns; },
    getLastRow: function () { return this._head().lastRow; },
    getLastColumn: function () { return this._head().lastColumn; },
    getDataRange: function () {
      var head = this._head();
      return new Range(this, 1, 1, Math.max(head.lastRow, 1), Math.max(head.lastColumn, 1));
    },
    getRange: function (row, column, rows, columns) {
      if (typeof row === 'string') { return namedRange(this._book, row, this); }
      var head = this._head();
      rows = rows === undefined ? 1 : rows;
      columns = columns === undefined ? 1 : columns;
      if (row < 1 || column < 1 || rows < 1 || columns < 1 || row + rows - 1 > head.rows || column + columns - 1 > head.columns) {
        throw new Error('The coordinates of the range are outside the dimensions of the sheet.');
      }
      return new Range(this, row, column, rows, columns);
    },
    toString: function () { return 'Sheet'; }
  };

  function Range(sheet, row, column, rows, columns) {
    this._sheet = sheet;
    this.rowStart = row;
    this.columnStart = column;
    this.rowEnd = row + rows - 1;
    this.columnEnd = column + columns - 1;
  }
  Range.prototype = {
    _read: function (what) {
      return host('range.read', this._sheet._book._id, this._sheet._id, what, this.rowStart - 1, this.rowEnd,
        this.columnStart - 1, this.columnEnd).map(function (line) { return line.map(revived); });
    },
    _write: function (values) {
      host('range.write', this._sheet._book._id, this._sheet._id, this.rowStart - 1, this.columnStart - 1, values.map(
        function (line) { return line.map(function (value) { return value instanceof Date ? { date: value.getTime() } : value; }); }
      ));
      return this;
    },
    getSheet: function () { return this._sheet; },
    getGridId: function () { return this._sheet._id; },
    getRow: function () { return this.rowStart; },
    getColumn: function () { return this.columnStart; },
    getLastRow: function () { return this.rowEnd; },
    getLastColumn: function () { return this.columnEnd; },
    getRowIndex: function () { return this.rowStart; },
    getNumRows: function () { return this.rowEnd - this.rowStart + 1; },
    getNumColumns: function () { return this.columnEnd - this.columnStart + 1; },
    getHeight: function () { return this.getNumRows(); },
    getWidth: function () { return this.getNumColumns(); },
    getA1Notation: function () {
      return host('range.name', this.rowStart - 1, this.rowEnd, this.columnStart - 1, this.columnEnd);
    },
    getCell: function (row, column) { return this._sheet.getRange(this.rowStart + row - 1, this.columnStart + column - 1); },
    offset: function (rows, columns, height, width) {
      return this._sheet.getRange(this.rowStart + rows, this.columnStart + columns,
        height === undefined ? this.getNumRows() : height, width === undefined ? this.getNumColumns() : width);
    },
    getValues: function () { return this._read('values'); },
    getValue: function () { return this.getValues()[0][0]; },
    getDisplayValues: function () { return this._read('shown'); },
    getDisplayValue: function () { return this.getDisplayValues()[0][0]; },
    getFormulas: function () { return this._read('formulas'); },
    getFormula: function () { return this.getFormulas()[0][0]; },
    getNotes: function () { return this._read('notes'); },
    getNote: function () { return this.getNotes()[0][0]; },
    setValues: function (values) {
      var wide = this.getNumColumns();
      if (values.length !== this.getNumRows() || values.some(function (line) { return line.length !== wide; })) {
        throw new Error('The number of rows or columns in the data does not match those of the range.');
      }
      return this._write(values);
    },
    setValue: function (value) {
      var line = [];
      var lines = [];
      for (var column = 0; column < this.getNumColumns(); column++) { line.push(value); }
      for (var row = 0; row < this.getNumRows(); row++) { lines.push(line); }
      return this._write(lines);
    },
    toString: function () { return 'Range'; }
  };

  function revived(value) { return value !== null && typeof value === 'object' ? new Date(value.date) : value; }

  function namedRange(book, a1, home) {
    var found = host('book.range', book._id, a1, home ? home._id : null);
    return new Range(new Sheet(book, found.sheet), found.row + 1, found.column + 1, found.rows, found.columns);
  }

  function active() { return new Spreadsheet(host('book.active')); }
  global.SpreadsheetApp = {
    getActive: active,
    getActiveSpreadsheet: active,
    getActiveSheet: function () { return active().getActiveSheet(); },
    openById: function (id) { host('book.head', id); return new Spreadsheet(id); },
    flush: function () {}
  };

  var EventType = { ON_EDIT: 'ON_EDIT', ON_CHANGE: 'ON_CHANGE' };
  function Trigger(data) { this._data = data; }
  Trigger.prototype = {
    getUniqueId: function () { return this._data.id; },
    getHandlerFunction: function () { return this._data.function; },
    getEventType: function () { return this._data.event; },
    getTriggerSource: function () { return 'SPREADSHEETS'; },
    getTriggerSourceId: function () { return this._data.source; }
  };
  function kindOf(handler, source) {
    function made(event) {
      return { create: function () { return new Trigger(host('triggers.create', handler, source, event)); } };
    }
    return {
      onEdit: function () { return made(EventType.ON_EDIT); },
      onChange: function () { return made(EventType.ON_CHANGE); }
    };
  }
  function triggers() {
    return host('triggers.list').map(function (data) { return new Trigger(data); });
  }
  global.ScriptApp = {
    EventType: EventType,
    AuthMode: { NONE: 'NONE', CUSTOM_FUNCTION: 'CUSTOM_FUNCTION', LIMITED: 'LIMITED', FULL: 'FULL' },
    TriggerSource: { SPREADSHEETS: 'SPREADSHEETS' },
    newTrigger: function (handler) {
      return {
        forSpreadsheet: function (book) { return kindOf(handler, typeof book === 'string' ? book : book.getId()); }
      };
    },
    getProjectTriggers: triggers,
    getUserTriggers: function (book) {
      return triggers().filter(function (trigger) { return trigger.getTriggerSourceId() === book.getId(); });
    },
    deleteTrigger: function (trigger) { host('triggers.delete', trigger.getUniqueId()); },
    getScriptId: function () { return host('session.scriptId'); }
  };

  global.__event = function (data) {
    var book = new Spreadsheet(data.source);
    var event = { authMode: 'FULL', source: book, triggerUid: data.triggerUid, user: global.__user(data.user) };
    ['changeType', 'value', 'oldValue'].forEach(function (name) {
      if (data[name] !== undefined) { event[name] = data[name]; }
    });
    if (data.range) {
      var range = data.range;
      event.range = new Range(new Sheet(book, range.sheet), range.row + 1, range.column + 1, range.rows, range.columns);
    }
    return event;
  };
})(this);
