"""Field masks of the reads: what is asked of Google, so that nothing else is sent.

Syntax: https://developers.google.com/workspace/sheets/api/guides/field-masks
"""

CELL = "effectiveValue,userEnteredValue/formulaValue,formattedValue,note"
GRID = f"data(startRow,startColumn,rowData(values({CELL})))"

SPREADSHEET = "spreadsheetId,properties(title,locale,timeZone),developerMetadata(metadataId,metadataKey,metadataValue)"
TAB = (
    "properties(sheetId,title,index,hidden,gridProperties(rowCount,columnCount,frozenRowCount)),"
    "protectedRanges(protectedRangeId,description,range,namedRangeId,warningOnly),"
    "developerMetadata(metadataId,metadataKey,metadataValue),"
    "merges"
)

STRUCTURE = f"{SPREADSHEET},sheets({TAB})"
"""Everything but the cells."""

ROWS = f"{SPREADSHEET},sheets({TAB},{GRID})"
"""The cells of the asked ranges, and everything else of their tabs."""
