package pli.app.ui

import android.content.Context

/** A service of the platform's that every phone has. */
inline fun <reified T : Any> Context.system(): T = checkNotNull(getSystemService(T::class.java))
