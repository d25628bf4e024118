package pli.app.session

import android.content.Context
import pli.AndroidKeyStore
import pli.KeyStore

/** Where the key of each store is kept: in the phone's hardware. Tests run where there is none, and put a file here. */
object Keys {
    var of: (Context, String) -> KeyStore = { context, name -> AndroidKeyStore(context, name) }
}
