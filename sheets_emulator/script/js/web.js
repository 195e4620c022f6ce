// UrlFetchApp, and the advanced service Sheets.
(function (global) {
  var host = global.__host;

  function Response(data) { this._data = data; }
  Response.prototype = {
    getResponseCode: function () { return this._data.code; },
    getContentText: function () { return this._data.text; },
    getContent: function () { return this._data.bytes; },
    getHeaders: function () { return this._data.headers; },
    getAllHeaders: function () { return this._data.allHeaders; },
    getBlob: function () { return new global.__Blob(this._data.bytes, this._data.headers['Content-Type']); }
  };

  function fetch(url, options) {
    options = options || {};
    var payload = options.payload;
    if (payload instanceof global.__Blob) { payload = payload.getBytes(); }
    return new Response(host('web.fetch', String(url), {
      method: String(options.method || 'get').toUpperCase(),
      headers: options.headers || {},
      contentType: options.contentType || null,
      payload: payload === undefined ? null : payload,
      muteHttpExceptions: Boolean(options.muteHttpExceptions),
      followRedirects: options.followRedirects !== false
    }));
  }
  global.UrlFetchApp = {
    fetch: fetch,
    fetchAll: function (requests) {
      return requests.map(function (request) {
        return typeof request === 'string' ? fetch(request) : fetch(request.url, request);
      });
    }
  };

  function part(text) { return encodeURIComponent(text); }
  function call(method, verb, path, options, body) {
    return host('sheets.call', method, verb, path, options || {}, body === undefined ? null : body);
  }
  global.__sheetsService = {
    Spreadsheets: {
      get: function (id, options) { return call('get', 'GET', '/' + part(id), options); },
      getByDataFilter: function (body, id, options) {
        return call('getByDataFilter', 'POST', '/' + part(id) + ':getByDataFilter', options, body);
      },
      create: function (body, options) { return call('create', 'POST', '', options, body); },
      batchUpdate: function (body, id, options) {
        return call('batchUpdate', 'POST', '/' + part(id) + ':batchUpdate', options, body);
      },
      Values: {
        get: function (id, range, options) {
          return call('values.get', 'GET', '/' + part(id) + '/values/' + part(range), options);
        },
        batchGet: function (id, options) { return call('values.batchGet', 'GET', '/' + part(id) + '/values:batchGet', options); },
        update: function (body, id, range, options) {
          return call('values.update', 'PUT', '/' + part(id) + '/values/' + part(range), options, body);
        },
        batchUpdate: function (body, id, options) {
          return call('values.batchUpdate', 'POST', '/' + part(id) + '/values:batchUpdate', options, body);
        },
        append: function (body, id, range, options) {
          return call('values.append', 'POST', '/' + part(id) + '/values/' + part(range) + ':append', options, body);
        },
        clear: function (body, id, range, options) {
          return call('values.clear', 'POST', '/' + part(id) + '/values/' + part(range) + ':clear', options, body);
        }
      }
    }
  };
})(this);
