{# Asked after NOTIFY check-sync. SYNC differs from `sync` in the phone's files, so the phone restarts when it is idle. #}
<SYNCINFO>
  <IMAGE VERSION="*" SYNC="2"/>
</SYNCINFO>
