/**
 * tabstream: tells the sheet producer what people edit in this spreadsheet.
 *
 * To set it up: make this the script of the spreadsheet (Extensions > Apps Script, or `clasp push`), set the script
 * properties TABSTREAM_PRODUCER_URL and TABSTREAM_SECRET (Project Settings), then run `install` once. A person has to run
 * it: the triggers act as that person, who needs no more than to see the spreadsheet. `uninstall` takes it all away.
 *
 * It only reads. An edit is told as the touched rows are now, with their `_sync` marks; everything else (rows inserted or
 * deleted, a tab renamed, a range too large to send) is told as a poke: "look here". Google drops events when people are
 * fast, and a POST may fail for good: nothing is lost by that, the sheet sink sweeps the tab itself, a little later.
 */

var URL_PROPERTY = 'TABSTREAM_PRODUCER_URL';
var SECRET_PROPERTY = 'TABSTREAM_SECRET';

/** Counted up with whatever a spreadsheet's copy of this file should get too: `tabstream doctor` compares it. */
var SCRIPT_VERSION = 1;

var EDIT_HANDLER = 'onTabstreamEdit';
var CHANGE_HANDLER = 'onTabstreamChange';

var SYNC_HEADER = '_sync';
var OWN_TAB = '_tabstream';

/** A range of more rows, or a longer body, is a poke: reading the tab costs the sheet sink less than this would. */
var MAX_ROWS = 500;
var MAX_BODY_BYTES = 1500000;

/** Waits before the second, third and fourth attempt. Later events wait in Google's short queue meanwhile. */
var RETRY_MS = [500, 2000, 5000];

var FIELDS = 'sheets(data(startRow,rowData(values(userEnteredValue,effectiveValue,formattedValue))))';

/**
 * Stores where to send edits and makes the triggers, in place of those of an earlier call.
 * Arguments that are left out are taken from the script properties.
 *
 * @param {string=} producerUrl Address of the producer, with or without /edits.
 * @param {string=} secret What POSTs are signed with; the first line of the producer's secret file.
 */
function install(producerUrl, secret) {
  var properties = PropertiesService.getScriptProperties();
  var url = producerUrl || properties.getProperty(URL_PROPERTY);
  var key = secret || properties.getProperty(SECRET_PROPERTY);
  if (!url || !/^https?:\/\/[^\s\/]+/.test(url)) {
    throw new Error('set the script property ' + URL_PROPERTY + ' to the address of the producer, then run install again');
  }
  if (!key) {
    throw new Error('set the script property ' + SECRET_PROPERTY + ' to the secret of the producer, then run install again');
  }
  var values = {};
  values[URL_PROPERTY] = url;
  values[SECRET_PROPERTY] = key;
  properties.setProperties(values);
  removeTriggers_();
  var spreadsheet = SpreadsheetApp.getActiveSpreadsheet();
  ScriptApp.newTrigger(EDIT_HANDLER).forSpreadsheet(spreadsheet).onEdit().create();
  ScriptApp.newTrigger(CHANGE_HANDLER).forSpreadsheet(spreadsheet).onChange().create();
}

/** Removes the triggers and what `install` stored. */
function uninstall() {
  removeTriggers_();
  var properties = PropertiesService.getScriptProperties();
  properties.deleteProperty(URL_PROPERTY);
  properties.deleteProperty(SECRET_PROPERTY);
}

/** Cells were edited: e.range says which. */
function onTabstreamEdit(e) {
  var sheet = e.range.getSheet();
  if (sheet.getName() === OWN_TAB) {
    return;
  }
  var post = newPost_(e.source, sheet, 'edit');
  post.touched = {
    start_row: e.range.getRow() - 1,
    end_row: e.range.getLastRow(),
    start_column: e.range.getColumn() - 1,
    end_column: e.range.getLastColumn()
  };
  send_(withRows_(post) || asPoke_(post));
}

/** Anything changed; Google does not say where. Edits come through onTabstreamEdit, formats are nobody's business. */
function onTabstreamChange(e) {
  if (e.changeType === 'EDIT' || e.changeType === 'FORMAT') {
    return;
  }
  var post = newPost_(e.source, e.source.getActiveSheet(), 'change');
  post.change_type = String(e.changeType);
  send_(post);
}

function newPost_(spreadsheet, sheet, event) {
  // The script's clock is Google's clock: the times of its reads compare with those of the sheet sink's.
  var now = Date.now();
  return {
    version: 1,
    script_version: SCRIPT_VERSION,
    id: Utilities.getUuid(),
    spreadsheet_id: spreadsheet.getId(),
    sheet_id: sheet.getSheetId(),
    tab: sheet.getName(),
    last_row: sheet.getLastRow(),
    zone: spreadsheet.getSpreadsheetTimeZone(),
    event: event,
    read_begin_ms: now,
    read_end_ms: now
  };
}

/** The post with header and touched rows as they are now; null if they can't be sent, or are none of tabstream's. */
function withRows_(post) {
  var touched = post.touched;
  if (touched.end_row - touched.start_row > MAX_ROWS) {
    return null;
  }
  // The advanced service gives cells as the REST API does; getValues() would give dates in the script's own time zone.
  var tab = "'" + post.tab.replace(/'/g, "''") + "'!";
  var ranges = [tab + '1:1', tab + (touched.start_row + 1) + ':' + touched.end_row];
  var answer;
  post.read_begin_ms = Date.now();
  try {
    answer = Sheets.Spreadsheets.get(post.spreadsheet_id, { ranges: ranges, fields: FIELDS });
  } catch (problem) {
    console.error('tabstream: could not read ' + ranges.join(', ') + ': ' + problem);
    return null;
  } finally {
    post.read_end_ms = Date.now();
  }
  var data = (answer.sheets && answer.sheets[0] && answer.sheets[0].data) || [];
  var header = cellsOf_(data[0], 0);
  if (!header.some(isSyncHeader_)) {
    return null;
  }
  post.header = header;
  post.rows = [];
  for (var row = touched.start_row; row < touched.end_row; row++) {
    var cells = cellsOf_(data[1], row - touched.start_row);
    post.rows.push({ row: row, values: cells.slice(0, header.length) });
  }
  return asJson_(post).length > MAX_BODY_BYTES ? null : post;
}

function asPoke_(post) {
  post.event = 'poke';
  delete post.header;
  delete post.rows;
  return post;
}

function cellsOf_(data, index) {
  var row = data && data.rowData && data.rowData[index];
  return (row && row.values) || [];
}

function isSyncHeader_(cell) {
  return cell.formattedValue === SYNC_HEADER;
}

/** POSTs with a signature; tries again when the producer is unreachable or says so, else leaves it to the sweep. */
function send_(post) {
  var properties = PropertiesService.getScriptProperties();
  var url = properties.getProperty(URL_PROPERTY);
  var secret = properties.getProperty(SECRET_PROPERTY);
  if (!url || !secret) {
    console.error('tabstream: not set up, run install');
    return;
  }
  url = url.replace(/\/+$/, '').replace(/\/edits$/, '') + '/edits';
  var body = asJson_(post);
  for (var attempt = 0; ; attempt++) {
    var outcome = attempt_(url, secret, body);
    if (outcome.done) {
      return;
    }
    if (!outcome.retry || attempt >= RETRY_MS.length) {
      console.error('tabstream: ' + post.event + ' ' + post.id + ' was not taken: ' + outcome.problem);
      return;
    }
    Utilities.sleep(RETRY_MS[attempt]);
  }
}

function attempt_(url, secret, body) {
  var timestamp = String(Date.now());
  try {
    var response = UrlFetchApp.fetch(url, {
      method: 'post',
      contentType: 'application/json',
      payload: body,
      headers: {
        'X-Tabstream-Timestamp': timestamp,
        'X-Tabstream-Signature': signature_(timestamp + '.' + body, secret)
      },
      followRedirects: false,
      muteHttpExceptions: true
    });
    var code = response.getResponseCode();
    if (code === 200) {
      return { done: true };
    }
    return { retry: code === 429 || code >= 500, problem: code + ' ' + response.getContentText().slice(0, 300) };
  } catch (problem) {
    return { retry: true, problem: String(problem) };
  }
}

/** HMAC-SHA256 in hexadecimal. Apps Script gives signed bytes, and signs in US-ASCII unless told. */
function signature_(text, secret) {
  return Utilities.computeHmacSha256Signature(text, secret, Utilities.Charset.UTF_8)
    .map(function (byte) {
      return ('0' + (byte & 0xff).toString(16)).slice(-2);
    })
    .join('');
}

/** JSON in ASCII alone, so that what is signed and what is sent can't differ by an encoding. */
function asJson_(value) {
  return JSON.stringify(value).replace(/[\u007f-\uffff]/g, function (letter) {
    return '\\u' + ('000' + letter.charCodeAt(0).toString(16)).slice(-4);
  });
}

function removeTriggers_() {
  ScriptApp.getProjectTriggers().forEach(function (trigger) {
    if ([EDIT_HANDLER, CHANGE_HANDLER].indexOf(trigger.getHandlerFunction()) >= 0) {
      ScriptApp.deleteTrigger(trigger);
    }
  });
}
