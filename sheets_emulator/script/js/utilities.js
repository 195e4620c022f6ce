// Utilities, Session, Logger, console, LockService, PropertiesService.
(function (global) {
  var host = global.__host;
  var Charset = { US_ASCII: 'US-ASCII', UTF_8: 'UTF-8' };

  function Blob(bytes, type, name) {
    this._bytes = bytes;
    this._type = type || null;
    this._name = name || null;
  }
  Blob.prototype = {
    getBytes: function () { return this._bytes; },
    getContentType: function () { return this._type; },
    getName: function () { return this._name; },
    getDataAsString: function (charset) { return host('utilities.decode', this._bytes, charset || Charset.UTF_8); }
  };
  global.__Blob = Blob;

  global.Utilities = {
    Charset: Charset,
    DigestAlgorithm: { MD5: 'md5', SHA_1: 'sha1', SHA_256: 'sha256', SHA_384: 'sha384', SHA_512: 'sha512' },
    computeHmacSha256Signature: function (value, key, charset) {
      return host('utilities.hmacSha256', value, key, charset || Charset.US_ASCII);
    },
    computeDigest: function (algorithm, value, charset) {
      return host('utilities.digest', algorithm, value, charset || Charset.US_ASCII);
    },
    base64Encode: function (data, charset) { return host('utilities.base64Encode', data, charset || Charset.UTF_8, false); },
    base64EncodeWebSafe: function (data, charset) {
      return host('utilities.base64Encode', data, charset || Charset.UTF_8, true);
    },
    base64Decode: function (text) { return host('utilities.base64Decode', text, false); },
    base64DecodeWebSafe: function (text) { return host('utilities.base64Decode', text, true); },
    getUuid: function () { return host('utilities.uuid'); },
    sleep: function (milliseconds) { host('utilities.sleep', milliseconds); },
    newBlob: function (data, type, name) {
      return new Blob(typeof data === 'string' ? host('utilities.encode', data, Charset.UTF_8) : data, type, name);
    },
    formatDate: function (date, zone, pattern) { return host('utilities.formatDate', date.getTime(), zone, pattern); }
  };

  function user(email) {
    return { getEmail: function () { return email; }, getUsername: function () { return email.split('@')[0]; } };
  }
  global.__user = user;
  global.Session = {
    getActiveUser: function () { return user(host('session.email')); },
    getEffectiveUser: function () { return user(host('session.email')); },
    getScriptTimeZone: function () { return host('session.zone'); },
    getActiveUserLocale: function () { return 'en'; }
  };

  function shown(values) {
    return Array.prototype.map.call(values, function (value) {
      if (value instanceof Error) { return String(value.stack ? value + '\n' + value.stack : value); }
      if (value === null || typeof value !== 'object') { return String(value); }
      try { return JSON.stringify(value); } catch (problem) { return String(value); }
    }).join(' ');
  }
  function logs(level) {
    return function () { host('log', level, shown(arguments)); };
  }
  global.console = { log: logs('DEBUG'), info: logs('INFO'), warn: logs('WARNING'), error: logs('ERROR') };
  var written = [];
  global.Logger = {
    log: function () { written.push(shown(arguments)); host('log', 'INFO', shown(arguments)); return global.Logger; },
    getLog: function () { return written.join('\n'); },
    clear: function () { written = []; }
  };

  function lock(kind) {
    return {
      tryLock: function (milliseconds) { return host('lock.try', kind, milliseconds); },
      waitLock: function (milliseconds) {
        if (!host('lock.try', kind, milliseconds)) {
          throw new Error('Lock timeout: another process was holding the lock for too long.');
        }
      },
      hasLock: function () { return host('lock.has', kind); },
      releaseLock: function () { host('lock.release', kind); }
    };
  }
  global.LockService = {
    getScriptLock: function () { return lock('script'); },
    getDocumentLock: function () { return lock('document'); },
    getUserLock: function () { return lock('user'); }
  };

  function properties(kind) {
    var all = {
      getProperty: function (key) { return all.getProperties()[key] === undefined ? null : all.getProperties()[key]; },
      getProperties: function () { return host('properties.get', kind); },
      getKeys: function () { return Object.keys(all.getProperties()); },
      setProperty: function (key, value) {
        var values = {};
        values[key] = value;
        return all.setProperties(values);
      },
      setProperties: function (values, deleteAllOthers) {
        var texts = {};
        Object.keys(values).forEach(function (key) { texts[key] = String(values[key]); });
        host('properties.set', kind, texts, Boolean(deleteAllOthers));
        return all;
      },
      deleteProperty: function (key) { host('properties.delete', kind, key); return all; },
      deleteAllProperties: function () { host('properties.set', kind, {}, true); return all; }
    };
    return all;
  }
  global.PropertiesService = {
    getScriptProperties: function () { return properties('script'); },
    getUserProperties: function () { return properties('user'); },
    getDocumentProperties: function () { return properties('document'); }
  };
})(this);
